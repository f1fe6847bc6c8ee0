//! Which steps come before which, directly or not.

/// A set of steps, one bit each.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps(Vec<u64>);

impl Steps {
    pub(super) fn contains(&self, step: usize) -> bool {
        self.0
            .get(step / 64)
            .is_some_and(|bits| bits & (1 << (step % 64)) != 0)
    }

    fn insert(&mut self, step: usize) {
        self.0.resize(self.0.len().max(step / 64 + 1), 0);
        self.0[step / 64] |= 1 << (step % 64);
    }

    fn extend(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        for (bits, more) in self.0.iter_mut().zip(&other.0) {
            *bits |= more;
        }
    }
}

/// All steps that each step comes after, directly or not, and an order in which it comes after them. There is no
/// cycle.
pub(super) fn ancestors(predecessors: &[Vec<usize>]) -> (Vec<Steps>, Vec<usize>) {
    let mut successors = vec![Vec::new(); predecessors.len()];
    for (step, before) in predecessors.iter().enumerate() {
        for &predecessor in before {
            successors[predecessor].push(step);
        }
    }
    let mut all = vec![Steps::default(); predecessors.len()];
    let mut open: Vec<usize> = predecessors.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..open.len()).filter(|&step| open[step] == 0).collect();
    let mut next = 0;
    while let Some(&step) = order.get(next) {
        next += 1;
        let mut seen = all[step].clone();
        seen.insert(step);
        for &successor in &successors[step] {
            all[successor].extend(&seen);
            open[successor] -= 1;
            if open[successor] == 0 {
                order.push(successor);
            }
        }
    }
    (all, order)
}

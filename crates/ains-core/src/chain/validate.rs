//! What is wrong with a definition: all of it, with the step and the field.

mod before;
mod expressions;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use before::ancestors;
use expressions::Scope;

use super::definition::{Definition, StepDefinition, StepTask, Tolerance};
use super::plan::{Plan, Step};
use super::{MAX_EDGES, MAX_ITERATIONS, MAX_STEPS};
use crate::DependencyGraph;
use crate::dependency::{Condition, Edge};
use crate::ids::is_name;

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Fault {
    /// The index of the step; `None` if it is about the chain.
    pub step: Option<usize>,
    /// The field of the step as it is called on the wire: `depends_on`, `when`, `input_data.rows[0].query`,
    /// `compensate_with.input_data` …, or `steps` of the chain.
    pub field: String,
    /// What is wrong with it, readable behind the field. With an expression it begins with the position:
    /// `at 17: …`, in characters from 1.
    pub message: String,
}

impl Definition {
    /// Makes a plan of it, if it is right.
    ///
    /// # Errors
    /// All that is wrong, in order of steps; at least one thing.
    pub fn check(self) -> Result<Plan, Vec<Fault>> {
        let mut check = Check::default();
        let (steps, order) = check.steps(&self);
        if check.faults.is_empty() {
            Ok(Plan::new(self, steps, order))
        } else {
            check.faults.sort_by_key(|fault| fault.step);
            Err(check.faults)
        }
    }
}

#[derive(Default)]
struct Check {
    faults: Vec<Fault>,
    /// The step that is looked at.
    step: usize,
    /// Bytes of regular expressions that were compiled.
    patterns: usize,
}

impl Check {
    fn fail(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault {
            step: Some(self.step),
            field: field.into(),
            message: message.into(),
        });
    }

    fn fail_all(&mut self, message: impl Into<String>) {
        self.faults.push(Fault {
            step: None,
            field: "steps".to_owned(),
            message: message.into(),
        });
    }

    /// All steps, and their indexes in an order in which each comes after all that it comes after.
    fn steps(&mut self, definition: &Definition) -> (Vec<Step>, Vec<u32>) {
        let steps = &definition.steps;
        if steps.is_empty() || steps.len() > MAX_STEPS {
            self.fail_all(format!("{} steps; 1 to {MAX_STEPS} are wanted", steps.len()));
            return (Vec::new(), Vec::new());
        }
        let names = self.names(steps);
        let predecessors = self.predecessors(steps, &names);
        let (before, order) = ancestors(&predecessors);
        let mut plan = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            self.step = index;
            self.bounds(step);
            let scope = Scope {
                names: &names,
                before: &before[index],
            };
            plan.push(self.step(step, &scope));
        }
        for (index, predecessors) in predecessors.into_iter().enumerate() {
            for &predecessor in &predecessors {
                plan[predecessor].successors.push(number(index));
            }
            plan[index].predecessors = predecessors.into_iter().map(number).collect();
        }
        (plan, order.into_iter().map(number).collect())
    }

    /// The steps by name.
    fn names<'d>(&mut self, steps: &'d [StepDefinition]) -> BTreeMap<&'d str, usize> {
        let mut names = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            self.step = index;
            if !is_name(&step.name) {
                self.fail(
                    "name",
                    "a name has 1 to 255 characters, none of them a control character",
                );
            } else if let Some(first) = names.get(step.name.as_str()) {
                self.fail(
                    "name",
                    format!("`{}` is the name of step {first}, too", step.name),
                );
            } else {
                names.insert(step.name.as_str(), index);
            }
        }
        names
    }

    /// Whom each step comes after, without those that would close a cycle.
    fn predecessors(&mut self, steps: &[StepDefinition], names: &BTreeMap<&str, usize>) -> Vec<Vec<usize>> {
        let listed = steps.iter().filter_map(|step| step.depends_on.as_ref());
        let edges: usize = listed.map(Vec::len).sum();
        if edges > MAX_EDGES {
            self.fail_all(format!(
                "{edges} dependencies of all steps together; at most {MAX_EDGES}"
            ));
            return vec![Vec::new(); steps.len()];
        }
        let mut graph = DependencyGraph::new();
        let mut predecessors = vec![Vec::new(); steps.len()];
        for (index, step) in steps.iter().enumerate() {
            self.step = index;
            let Some(depends_on) = &step.depends_on else {
                if let Some(before) = index.checked_sub(1) {
                    self.connect(&mut graph, steps, before, &mut predecessors[index]);
                }
                continue;
            };
            for name in depends_on {
                match names.get(name.as_str()) {
                    Some(&before) => self.connect(&mut graph, steps, before, &mut predecessors[index]),
                    None => self.fail("depends_on", format!("there is no step `{}`", shown(name))),
                }
            }
        }
        predecessors
    }

    fn connect(
        &mut self,
        graph: &mut DependencyGraph<usize>,
        steps: &[StepDefinition],
        on: usize,
        predecessors: &mut Vec<usize>,
    ) {
        let (task, when) = (self.step, Condition::Done);
        match graph.connect(Edge { on, task, when }) {
            Ok(true) => predecessors.push(on),
            // The same one twice is one.
            Ok(false) => {}
            Err(cycle) => {
                let names: Vec<&str> = cycle
                    .0
                    .iter()
                    .chain(cycle.0.first())
                    .map(|&step| &*steps[step].name)
                    .collect();
                self.fail("depends_on", format!("a cycle: {}", names.join(" -> ")));
            }
        }
    }

    fn bounds(&mut self, step: &StepDefinition) {
        self.task(&step.task, "");
        if step.max_parallel == Some(0) {
            self.fail("max_parallel", "at least 1");
        }
        if let Tolerance::Percent(percent) = step.tolerate_failures
            && !(0.0..=100.0).contains(&percent)
        {
            self.fail("tolerate_failures", "0 to 100 per cent");
        }
        if step.for_each.is_none() {
            if step.max_parallel.is_some() {
                self.fail("max_parallel", "only with `for_each`");
            }
            if step.tolerate_failures != Tolerance::None {
                self.fail("tolerate_failures", "only with `for_each`");
            }
        }
        let repeated = match (&step.repeat_until, step.max_iterations) {
            (Some(_), _) if step.for_each.is_some() => Some(("repeat_until", "not together with `for_each`")),
            (Some(_), None) => Some(("max_iterations", "wanted with `repeat_until`")),
            (None, Some(_)) => Some(("max_iterations", "only with `repeat_until`")),
            (Some(_), Some(_)) | (None, None) => None,
        };
        if let Some((field, message)) = repeated {
            self.fail(field, message);
        }
        if let Some(iterations) = step.max_iterations
            && !(1..=MAX_ITERATIONS).contains(&iterations)
        {
            self.fail("max_iterations", format!("1 to {MAX_ITERATIONS}"));
        }
        if let Some(compensation) = &step.compensate_with {
            self.task(&compensation.task, "compensate_with.");
        }
    }

    fn task(&mut self, task: &StepTask, prefix: &str) {
        for field in task.missing() {
            self.fail(format!("{prefix}{field}"), "is missing");
        }
        for (field, value, range) in task.out_of_range() {
            let (least, most) = range.into_inner();
            self.fail(
                format!("{prefix}{field}"),
                format!("{value} is not within {least} to {most}"),
            );
        }
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// As much of a name as shows which it is.
fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

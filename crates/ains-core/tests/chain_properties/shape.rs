//! Random chains.

use ains_core::chain::{
    Compensation, Definition, Join, OnFailure, Plan, StepDefinition, StepTask, Tolerance,
};
use proptest::prelude::*;

/// What a step is like. Its expressions are never evaluated: the world answers what it likes.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// `None`: the step before it.
    pub(crate) after: Option<Vec<usize>>,
    pub(crate) join: Join,
    pub(crate) when: bool,
    pub(crate) each: bool,
    /// Most items at once, if it says so.
    pub(crate) most: Option<u32>,
    pub(crate) tolerated: Tolerance,
    pub(crate) until: Option<u32>,
    pub(crate) asks_input: bool,
    pub(crate) on_failure: OnFailure,
    /// Whether it can be undone, and whether that asks for its input.
    pub(crate) undo: Option<bool>,
}

impl Shape {
    pub(crate) fn plain() -> Self {
        Self {
            after: None,
            join: Join::All,
            when: false,
            each: false,
            most: None,
            tolerated: Tolerance::None,
            until: None,
            asks_input: false,
            on_failure: OnFailure::Fail,
            undo: None,
        }
    }

    pub(crate) fn each() -> Self {
        Self {
            each: true,
            ..Self::plain()
        }
    }

    /// Most items at once.
    pub(crate) fn width(&self) -> u32 {
        self.most.unwrap_or(1_000)
    }

    /// The steps that it comes after, as step number `index`.
    pub(crate) fn predecessors(&self, index: usize) -> Vec<usize> {
        match &self.after {
            Some(after) => after.clone(),
            None => index.checked_sub(1).into_iter().collect(),
        }
    }

    fn definition(&self, index: usize) -> StepDefinition {
        let task = || StepTask::new("work".parse().unwrap(), "worker".parse().unwrap());
        let input = |asks: bool| if asks { r#"{"a": ["${{ input }}"]}"# } else { "{}" };
        StepDefinition {
            input: input(self.asks_input).into(),
            depends_on: self
                .after
                .as_ref()
                .map(|after| after.iter().map(|step| name(*step)).collect()),
            join: self.join,
            when: self.when.then(|| "true".to_owned()),
            for_each: self.each.then(|| "[]".to_owned()),
            max_parallel: self.most,
            tolerate_failures: self.tolerated,
            repeat_until: self.until.map(|_| "true".to_owned()),
            max_iterations: self.until,
            on_failure: self.on_failure,
            compensate_with: self.undo.map(|asks| Compensation {
                task: task(),
                input: input(asks).into(),
            }),
            ..StepDefinition::new(name(index), task())
        }
    }
}

fn name(step: usize) -> String {
    format!("s{step}")
}

pub(crate) fn plan(shapes: &[Shape]) -> Plan {
    let steps = shapes.iter().enumerate();
    let steps = steps.map(|(index, shape)| shape.definition(index)).collect();
    Definition { steps }
        .check()
        .unwrap_or_else(|faults| panic!("{faults:?}"))
}

prop_compose! {
    fn a_shape()(
        join in prop::sample::select(vec![Join::All, Join::All, Join::Any, Join::AllDone]),
        when in prop::bool::weighted(0.3),
        kind in 0..4_u8,
        width in prop::option::of(1..4_u32),
        tolerated in prop_oneof![
            2 => Just(Tolerance::None),
            1 => (0..3_u32).prop_map(Tolerance::Count),
            1 => (0..=100_u32).prop_map(|percent| Tolerance::Percent(percent.into())),
        ],
        iterations in 1..4_u32,
        asks_input in prop::bool::weighted(0.3),
        on_failure in prop::sample::select(vec![
            OnFailure::Fail, OnFailure::Continue, OnFailure::Continue, OnFailure::Continue, OnFailure::Compensate,
        ]),
        undo in prop::option::weighted(0.5, any::<bool>()),
    ) -> Shape {
        let each = kind == 0;
        Shape {
            after: None,
            join,
            when,
            each,
            most: width.filter(|_| each),
            tolerated: if each { tolerated } else { Tolerance::None },
            until: (kind == 1).then_some(iterations),
            asks_input,
            on_failure,
            undo,
        }
    }
}

/// A chain of at most `most` steps: each has its own idea of whom it comes after, in an order that need not be that
/// of the list.
pub(crate) fn a_chain(most: usize) -> impl Strategy<Value = Vec<Shape>> {
    let step = (
        a_shape(),
        prop::option::weighted(0.8, prop::collection::vec(any::<prop::sample::Index>(), 0..4)),
    );
    let steps = prop::collection::vec(step, 1..=most);
    let ordered = steps.prop_flat_map(|steps| {
        let order: Vec<usize> = (0..steps.len()).collect();
        (
            Just(steps),
            prop_oneof![Just(order.clone()), Just(order).prop_shuffle()],
        )
    });
    ordered.prop_map(|(steps, order)| {
        let is_shuffled = !order.is_sorted();
        let mut shapes: Vec<Shape> = steps.iter().map(|(shape, _)| shape.clone()).collect();
        for (place, &step) in order.iter().enumerate() {
            // Only those that stand before it in the order: no cycles.
            let before = |index: &prop::sample::Index| order[index.index(place)];
            shapes[step].after = match &steps[step].1 {
                // "The step before it in the list" could close one where the list is not in order.
                None if !is_shuffled => None,
                Some(after) if place > 0 => {
                    let mut after: Vec<usize> = after.iter().map(before).collect();
                    after.sort_unstable();
                    after.dedup();
                    Some(after)
                }
                _ => Some(Vec::new()),
            };
        }
        shapes
    })
}

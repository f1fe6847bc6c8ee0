//! Chains against a simple interpreter: random chains, random outcomes in random order, pauses, cancels and
//! retries. Both must agree after every event.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

#[path = "chain_properties/big.rs"]
mod big;
#[path = "chain_properties/model.rs"]
mod model;
#[path = "chain_properties/shape.rs"]
mod shape;
#[path = "chain_properties/total.rs"]
mod total;
#[path = "chain_properties/world.rs"]
mod world;

use proptest::prelude::*;

use crate::shape::a_chain;
use crate::world::World;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    /// The same states as the interpreter's after every event, whatever happens in whatever order; and it ends.
    #[test]
    fn a_chain_does_what_the_interpreter_says(shapes in a_chain(9), seed in any::<u64>(), events in 0..120_usize) {
        let mut world = World::new(&shapes, seed);
        for _ in 0..events {
            world.something_happens();
        }
        world.runs_to_its_end();
        prop_assert!(world.chain.status.is_terminal());
    }

    /// Nobody steers it: it ends in one run, and what completed did so after all it waited for.
    #[test]
    fn a_chain_that_is_left_alone_ends(shapes in a_chain(30), seed in any::<u64>()) {
        let mut world = World::new(&shapes, seed);
        world.runs_to_its_end();
        prop_assert!(world.chain.status.is_terminal());
        prop_assert_eq!(world.chain.run, 1);
    }
}

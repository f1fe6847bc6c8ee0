//! What follows from the ends of tasks, round after round, until nothing does any more: for those that wait for them,
//! for the chains that they are part of, and for the schedules that made them.

use ains_store::StoreError;

use super::{Batch, Outcome, Plan};
use crate::op::Op;

impl Batch<'_> {
    /// Does what clients and time want of schedules and chains, and what the ends of tasks mean for both; then saves
    /// them.
    pub(super) fn follow(
        &mut self,
        ops: &[Op],
        plan: &mut Plan,
        outcomes: &mut [Outcome],
    ) -> Result<(), StoreError> {
        // What has come due is so whatever is changed now.
        let (fired, late) = self.fire_due()?;
        self.steer_schedules(ops, outcomes)?;
        for outcome in outcomes.iter_mut() {
            if let Outcome::Swept(swept) = outcome {
                swept.schedules = fired;
                swept.late += late;
            }
        }
        self.steer_chains(ops, outcomes)?;
        while self.tell_chains()? | self.tell_schedules()? {
            // What was cancelled may be waited for.
            self.settle(plan)?;
        }
        self.save_chains()?;
        self.save_schedules()
    }
}

//! Fair positions of the tasks that become ready in a batch: each queue's ends are read once,
//! then counted on.

use std::collections::BTreeMap;

use ains_core::fair::{self, Ends, Weight};
use ains_core::{ClientId, Task};
use ains_store::tasks::{self, Queue};
use ains_store::{Conn, StoreError, clients};

/// What has been read of the queues.
#[derive(Default)]
pub(super) struct Positions {
    lowest: BTreeMap<Queue, Option<i64>>,
    own_highest: BTreeMap<(Queue, ClientId), Option<i64>>,
    weights: BTreeMap<ClientId, Weight>,
}

impl Positions {
    /// The position of a task that becomes ready, or comes back (`returned`).
    pub(super) fn of(&mut self, conn: &mut Conn, task: &Task, returned: bool) -> Result<i64, StoreError> {
        let queue = Queue {
            lane: task.lane(),
            priority: task.priority,
        };
        let own = (queue.clone(), task.client.clone());
        let ends = match (self.lowest.get(&queue), self.own_highest.get(&own)) {
            (Some(lowest), Some(own_highest)) => Ends {
                lowest: *lowest,
                own_highest: *own_highest,
            },
            (lowest, _) => {
                let read = tasks::ends(conn, &queue, &task.client)?;
                Ends {
                    lowest: lowest.copied().unwrap_or(read.lowest),
                    own_highest: read.own_highest,
                }
            }
        };
        let position = if returned {
            fair::returned_position(ends)
        } else {
            fair::position(ends, self.weight(conn, &task.client)?)
        };
        self.lowest.insert(
            queue,
            Some(ends.lowest.map_or(position, |lowest| lowest.min(position))),
        );
        self.own_highest.insert(
            own,
            Some(ends.own_highest.map_or(position, |highest| highest.max(position))),
        );
        Ok(position)
    }

    fn weight(&mut self, conn: &mut Conn, client: &ClientId) -> Result<Weight, StoreError> {
        if let Some(weight) = self.weights.get(client) {
            return Ok(*weight);
        }
        let read = clients::weights(conn, std::slice::from_ref(client))?;
        let weight = read.first().map(|(_, weight)| *weight).unwrap_or_default();
        self.weights.insert(client.clone(), weight);
        Ok(weight)
    }
}

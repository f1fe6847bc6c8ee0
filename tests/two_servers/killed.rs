//! One of two servers is killed and stays away for a while; whoever called it goes to the other.

use std::time::Instant;

use ains_testkit::Backend;

use crate::caller::Caller;
use crate::site::{Site, run};
use crate::swarm::Swarm;

const TASKS: usize = 600;

#[test]
fn nothing_is_lost_when_one_of_two_servers_is_killed() {
    run(async {
        let Some(site) = Site::new(Backend::Postgres) else {
            return;
        };
        let mut servers = [site.serve(&[]), site.serve(&[])];
        let [first, second] = [servers[0].url(), servers[1].url()];
        let callers = [
            Caller::new([first.clone(), second.clone()]),
            Caller::new([second, first]),
        ];
        let begun = Instant::now();
        let mut swarm = Swarm::begin(&callers, TASKS).await;
        swarm.reached(TASKS / 6).await;
        servers[0].crash();
        swarm.reached(TASKS / 2).await;
        servers[0].start_again();
        swarm.reached(TASKS * 4 / 6).await;
        servers[1].crash();
        swarm.finish(&callers[1]).await;
        servers[1].start_again();
        for server in &mut servers {
            assert!(server.terminate().success());
        }
        tell(&format!(
            "{TASKS} tasks, two servers and a kill of each: {:?}",
            begun.elapsed()
        ));
    });
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it by hand")]
fn tell(text: &str) {
    eprintln!("{text}");
}

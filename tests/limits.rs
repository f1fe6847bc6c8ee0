//! Limits from end to end: real servers, many connections at once, and exactly as many requests pass as may.

#[path = "limits/exact.rs"]
mod exact;
#[path = "limits/guesses.rs"]
mod guesses;
#[path = "limits/servers.rs"]
mod servers;

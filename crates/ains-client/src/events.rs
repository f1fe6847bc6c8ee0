//! Following what happens.

mod parse;

use std::collections::VecDeque;
use std::time::Duration;

use ains_api::{Event, EventQuery};
use reqwest::Response;
use tokio::time::timeout;

use crate::client::Call;
use crate::{Client, Error};
use parse::{Message, Parser};

/// How long a stream may be silent: the server gives a sign every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);

/// Between two connections over which nothing came.
const PAUSE: Duration = Duration::from_secs(1);

/// What a follower hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// Something happened.
    Event(Event),
    /// Some of what happened while nobody listened is not kept any more; what follows is the oldest that is.
    Gap,
}

/// What happens, as it happens. It connects again by itself, and goes on where it was.
#[derive(Debug)]
pub struct Events {
    client: Client,
    query: EventQuery,
    response: Option<Response>,
    parser: Parser,
    waiting: VecDeque<Message>,
    /// Whether there was a connection before, and whether something came over the last.
    was_open: bool,
    heard: bool,
}

impl Client {
    /// Follows what happens from now on, or from after `last_event_id` on: `GET /ains/events`. What happens after this
    /// has returned is heard.
    ///
    /// ```no_run
    /// use ains_client::api::EventQuery;
    /// use ains_client::{Client, Heard};
    ///
    /// # async fn example(client: Client) -> Result<(), ains_client::Error> {
    /// let query = EventQuery {
    ///     types: Some("task.completed,task.failed".into()),
    ///     ..EventQuery::default()
    /// };
    /// let mut events = client.follow(query).await?;
    /// loop {
    ///     match events.next().await? {
    ///         Heard::Event(event) => println!("{} {}", event.kind, event.subject),
    ///         Heard::Gap => println!("something was missed"),
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If a type means nothing (422), too many follow (503), or the call fails.
    pub async fn follow(&self, query: EventQuery) -> Result<Events, Error> {
        let mut events = Events {
            client: self.clone(),
            query,
            response: None,
            parser: Parser::default(),
            waiting: VecDeque::new(),
            was_open: false,
            heard: false,
        };
        // The first piece says that the server listens.
        while events.waiting.is_empty() && events.query.last_event_id.is_none() {
            events.read().await?;
        }
        Ok(events)
    }
}

impl Events {
    /// What happens next.
    ///
    /// # Errors
    ///
    /// If the server refuses, or cannot be reached for as long as [`Client::with_retry`] says. It can be called again.
    pub async fn next(&mut self) -> Result<Heard, Error> {
        loop {
            let Some(message) = self.waiting.pop_front() else {
                self.read().await?;
                continue;
            };
            if let Some(id) = message.id {
                self.query.last_event_id = Some(id);
            }
            match &*message.event {
                "ains.gap" => return Ok(Heard::Gap),
                // It is about to be let go, and comes back.
                "ains.too_slow" => self.response = None,
                _ if message.data.is_empty() => {}
                _ => {
                    self.heard = true;
                    let event = serde_json::from_str(&message.data).map_err(Error::Decode)?;
                    return Ok(Heard::Event(event));
                }
            }
        }
    }

    /// The id of the last event that was heard; with it another follower goes on behind it.
    pub fn last_event_id(&self) -> Option<&str> {
        self.query.last_event_id.as_deref()
    }

    /// Reads a piece, over a new connection if there is none.
    async fn read(&mut self) -> Result<(), Error> {
        let response = match &mut self.response {
            Some(response) => response,
            none => {
                if std::mem::replace(&mut self.was_open, true) && !std::mem::take(&mut self.heard) {
                    // It ended at once: not again at once.
                    tokio::time::sleep(PAUSE).await;
                }
                self.parser = Parser::default();
                let response = self.client.stream(Call::get("/ains/events"), &self.query).await?;
                none.insert(response)
            }
        };
        match timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(piece))) => self.waiting.extend(self.parser.read(&piece)),
            // The end, a failure, silence: connect again.
            Ok(Ok(None) | Err(_)) | Err(_) => self.response = None,
        }
        Ok(())
    }
}

//! Holds what can go wrong with a call.

use ains_api::Problem;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of the server is not a URL that this client can call.
    #[error("`{0}` is not the URL of a server")]
    Address(String),
    /// The server refused.
    #[error("the server refused: {0}")]
    Problem(Box<Problem>),
    /// The request did not arrive, or its answer did not.
    #[error("the server could not be reached")]
    Transport(#[from] reqwest::Error),
    /// The answer has another shape than this client knows.
    #[error("the answer could not be read")]
    Decode(#[source] serde_json::Error),
    /// The request has no JSON form.
    #[error("the request could not be written")]
    Encode(#[source] serde_json::Error),
    /// The key of an agent could not be read or kept.
    #[error("the key in `{path}` could not be used")]
    Key {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The agent is registered with another key.
    #[error("agent `{0}` is registered with another key")]
    OtherAgent(String),
}

impl Error {
    /// The HTTP status, if the server answered with a refusal.
    pub fn status(&self) -> Option<u16> {
        self.problem().map(|problem| problem.status)
    }

    /// What the server said, if it refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the same call may succeed a moment later: the network failed, or the server is overloaded or restarting.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport(error) => !error.is_builder(),
            Self::Problem(problem) => matches!(problem.status, 429 | 502 | 503 | 504),
            _ => false,
        }
    }
}

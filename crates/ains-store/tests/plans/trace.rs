//! The statements that functions of the store really send: diesel tells as it runs them.

use std::sync::{Arc, Mutex};

use ains_store::{Conn, StoreError};
use diesel::Connection as _;
use diesel::connection::InstrumentationEvent;
use serde_json::Value;

use crate::support::run;

/// A call of a function of the store.
#[derive(Debug)]
pub(crate) struct Call {
    /// The function, as `tasks::heads`.
    pub(crate) function: &'static str,
    /// What of it, where it has several forms.
    pub(crate) form: &'static str,
    /// What it sent, in order.
    pub(crate) sent: Vec<Statement>,
}

/// A statement as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) text: String,
    /// Its values, in order.
    pub(crate) values: Vec<Value>,
}

/// What diesel has told.
#[derive(Debug, Default)]
struct Told {
    sent: Vec<Statement>,
    kept: Vec<String>,
}

/// A connection whose statements are noted.
pub(crate) struct Trace<'c> {
    conn: &'c mut Conn,
    told: Arc<Mutex<Told>>,
    calls: Vec<Call>,
}

/// The calls, and the texts that the connection keeps prepared.
pub(crate) struct Traced {
    pub(crate) calls: Vec<Call>,
    pub(crate) kept: Vec<String>,
}

impl<'c> Trace<'c> {
    pub(crate) fn on(conn: &'c mut Conn) -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let listener = Arc::clone(&told);
        let listen = move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                listener
                    .lock()
                    .unwrap()
                    .sent
                    .push(Statement::read(&query.to_string()));
            }
            InstrumentationEvent::CacheQuery { sql, .. } => {
                listener.lock().unwrap().kept.push(sql.trim().to_owned());
            }
            _ => {}
        };
        match conn {
            Conn::Sqlite(conn) => conn.set_instrumentation(listen),
            Conn::Postgres(conn) => conn.set_instrumentation(listen),
        }
        Self {
            conn,
            told,
            calls: Vec::new(),
        }
    }

    /// Calls a function of the store, and notes what it sends.
    pub(crate) fn call<T>(
        &mut self,
        function: &'static str,
        form: &'static str,
        act: impl FnOnce(&mut Conn) -> Result<T, StoreError>,
    ) -> T {
        let done = act(self.conn).unwrap_or_else(|error| panic!("{function}, {form}: {error:?}"));
        let sent = std::mem::take(&mut self.told.lock().unwrap().sent);
        self.calls.push(Call { function, form, sent });
        done
    }

    /// Does something that is not the store's.
    pub(crate) fn beside(&mut self, sql: &str) {
        run(self.conn, sql);
        self.told.lock().unwrap().sent.clear();
    }

    pub(crate) fn end(self) -> Traced {
        match self.conn {
            Conn::Sqlite(conn) => conn.set_instrumentation(|_: InstrumentationEvent<'_>| {}),
            Conn::Postgres(conn) => conn.set_instrumentation(|_: InstrumentationEvent<'_>| {}),
        }
        let kept = std::mem::take(&mut self.told.lock().unwrap().kept);
        Traced {
            calls: self.calls,
            kept,
        }
    }
}

impl Statement {
    /// diesel tells the values after the text, written as Rust writes them: JSON but for `Option`.
    fn read(told: &str) -> Self {
        let (text, values) = told.split_once(" -- binds: ").unwrap_or((told, "[]"));
        let values = values
            .replace("Some(", "")
            .replace(')', "")
            .replace("None", "null");
        Self {
            text: text.trim().to_owned(),
            values: serde_json::from_str(&values).unwrap_or_else(|error| panic!("{error} in {values}")),
        }
    }
}

/// Calls a function of the store by its path, which is also the name that the call is noted by;
/// a word after it says which form of the function it is.
macro_rules! call {
    ($trace:expr, $module:ident::$function:ident($($argument:expr),* $(,)?)) => {
        call!($trace, "", $module::$function($($argument),*))
    };
    ($trace:expr, $form:literal, $module:ident::$function:ident($($argument:expr),* $(,)?)) => {
        $trace.call(
            concat!(stringify!($module), "::", stringify!($function)),
            $form,
            |conn| $module::$function(conn, $($argument),*),
        )
    };
}

pub(crate) use call;

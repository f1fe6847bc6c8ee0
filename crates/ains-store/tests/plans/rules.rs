//! What no plan may do, and which may all the same.

#[path = "rules/exceptions.rs"]
mod exceptions;
#[path = "rules/postgres.rs"]
mod postgres;
#[path = "rules/sqlite.rs"]
mod sqlite;

use std::fmt::Write as _;

use ains_store::Backend;

use crate::explain::Index;
use exceptions::{ALLOWED, Exception, TO_MEND};

/// A line of a plan, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Fault {
    line: String,
    what: &'static str,
}

impl Fault {
    fn new(line: &str, what: &'static str) -> Self {
        Self {
            line: line.trim().to_owned(),
            what,
        }
    }
}

/// Holds plans against the rules.
pub(crate) struct Judge {
    backend: Backend,
    indexes: Vec<Index>,
    /// With whether they were needed.
    exceptions: Vec<(&'static Exception, bool)>,
    report: String,
}

impl Judge {
    pub(crate) fn new(backend: Backend, indexes: Vec<Index>) -> Self {
        let exceptions = ALLOWED.iter().chain(TO_MEND);
        Self {
            backend,
            indexes,
            exceptions: exceptions
                .filter(|exception| exception.on.contains(&backend))
                .map(|exception| (exception, false))
                .collect(),
            report: String::new(),
        }
    }

    /// Takes note of the faults of a plan, of a text that `call` sent: a function, and its form.
    pub(crate) fn hear(&mut self, call: &str, text: &str, plan: &[String]) {
        let function = call.split(" (").next().unwrap_or_default();
        let faults = match self.backend {
            Backend::Sqlite => sqlite::faults(text, plan),
            Backend::Postgres => postgres::faults(plan, &self.indexes),
        };
        for fault in faults {
            let mut allowed = false;
            for (exception, needed) in &mut self.exceptions {
                let of = exception.of == call || exception.of == function;
                if of && fault.line.contains(exception.line) {
                    (*needed, allowed) = (true, true);
                }
            }
            if !allowed {
                let (line, what) = (fault.line, fault.what);
                let plan = plan.join("\n        ");
                writeln!(self.report, "{call}: `{line}`: {what}\n        {plan}").unwrap();
            }
        }
    }

    /// What is wrong: plans, and, where all `expected` ones were heard, exceptions that nothing
    /// needs any more.
    pub(crate) fn report(self, expected: bool) -> String {
        let mut report = self.report;
        for (exception, _) in self.exceptions.iter().filter(|(_, needed)| expected && !needed) {
            let Exception { of, line, why, .. } = exception;
            writeln!(report, "{of}: `{line}` does not happen ({why}): take it out").unwrap();
        }
        report
    }
}

//! How both databases carry out what the store sends.
//!
//! Every function of the store is called on a new database. diesel tells which statements that
//! sends, and the connection that sent them explains them: nothing here repeats a statement. The
//! plans stand in `snapshots/plans__*.snap`; to write them anew after a change:
//!
//! ```text
//! INSTA_UPDATE=always cargo test -p ains-store --test plans
//! ```
//!
//! What differs then belongs into the review of the change. A new function of the store is called
//! in `plans/calls/`. Whatever the snapshots say, no plan reads a whole table or index, sorts all
//! to give a few, or enters an index past its first columns, but for the exceptions in
//! `plans/rules/exceptions.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "plans/calls.rs"]
mod calls;
#[path = "plans/complete.rs"]
mod complete;
#[path = "plans/explain.rs"]
mod explain;
#[path = "plans/rules.rs"]
mod rules;
#[path = "contract/support.rs"]
mod support;
#[path = "plans/text.rs"]
mod text;
#[path = "plans/trace.rs"]
mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use ains_testkit::TestDb;

use explain::{Explainer, POSTGRES};
use rules::Judge;
use trace::Call;

const REMARKS: &str = "\
[parsed each time]: diesel does not keep it prepared; planned for the values of each execution.
[planned each time]: kept prepared, but PostgreSQL finds no one plan as good as one for its values.
";

ains_testkit::contract!(every_plan_is_as_expected_and_none_reads_whole_tables);

fn every_plan_is_as_expected_and_none_reads_whole_tables(db: &TestDb) {
    let mut conn = support::open(db).connect().unwrap();
    let traced = calls::all(&mut conn);
    let mut explainer = Explainer::new(&mut conn, &traced);
    let indexes = explainer.indexes();
    let mut judge = Judge::new(explainer.backend(), indexes.clone());
    let mut plans = explain_all(&traced.calls, &mut explainer, &mut judge);
    let unused: Vec<String> = indexes
        .into_iter()
        .filter(|index| !index.made && !plans.contains(&index.name))
        .map(|index| format!("    {}\n", index.name))
        .collect();
    write!(plans, "\nindexes in no plan\n{}", unused.concat()).unwrap();
    let expected = explainer.expected();
    if let Some(name) = expected {
        insta::assert_snapshot!(name, plans);
    } else {
        let text = "plans on PostgreSQL are compared with the expected ones on version";
        // Nothing useful can be done where even standard error is gone.
        let _ = writeln!(std::io::stderr(), "{text} {POSTGRES} only");
    }
    let report = judge.report(expected.is_some());
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_function_that_sends_statements_is_called() {
    let mut conn = support::open(&TestDb::sqlite()).connect().unwrap();
    let called = calls::all(&mut conn).calls;
    let called: BTreeSet<String> = called.iter().map(|call| call.function.to_owned()).collect();
    let missing: Vec<String> = complete::functions().difference(&called).cloned().collect();
    assert!(missing.is_empty(), "to be called in plans/calls/: {missing:?}");
}

/// The plans as text, each statement where it is first sent.
fn explain_all(calls: &[Call], explainer: &mut Explainer<'_>, judge: &mut Judge) -> String {
    let mut shown = REMARKS.to_owned();
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    for call in calls {
        let name = match call.form {
            "" => call.function.to_owned(),
            form => format!("{} ({form})", call.function),
        };
        writeln!(shown, "\n{name}").unwrap();
        let mut again = BTreeSet::new();
        for statement in &call.sent {
            let short = text::short(&statement.text);
            if let Some(before) = first.get(&*statement.text) {
                if *before != name && again.insert(&statement.text) {
                    writeln!(shown, "    as {before}: {}", text::beginning(&short)).unwrap();
                }
                continue;
            }
            first.insert(&statement.text, name.clone());
            let explained = explainer.explain(statement);
            let remark = match explained.remark {
                "" => String::new(),
                remark => format!("[{remark}] "),
            };
            writeln!(shown, "{}", text::wrapped(&format!("{remark}{short}"), "    ")).unwrap();
            for line in &explained.plan {
                writeln!(shown, "      | {line}").unwrap();
            }
            judge.hear(&name, &statement.text, &explained.plan);
        }
    }
    shown
}

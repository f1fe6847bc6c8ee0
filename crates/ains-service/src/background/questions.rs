//! Answers what chains ask: expressions are evaluated here, outside of any transaction and on no
//! thread that others wait for, and an answer is applied if the chain still asks the question.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ains_core::ChainId;
use ains_core::chain::{Answer, Chain, Evaluation, Needs, Output, Place, Plan, Question};
use ains_core::expression::{Context, StepValue};
use ains_store::chains::{self, StepList, StoredChain};
use ains_store::{Conn, StoreError};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::ains::Ains;
use crate::error::Error;
use crate::metrics::Repair;
use crate::op::{Answered, Found, Op};

/// How often it is looked for chains that nobody here was told of: after a crash, or of a server that died.
const RECHECK: Duration = Duration::from_secs(5);

/// Most chains that are worked on at once.
const AT_ONCE: usize = 4;

/// Most chains that one look finds.
const LOOK: i64 = 256;

/// Most characters of a result that an expression sees, of all that it needs.
const SEEN: usize = 16 << 20;

/// Most characters of the output of a step that goes through a list (semantics §3).
const OUTPUT: usize = 4 << 20;

/// What is needed to answer what a chain asks.
struct Asked {
    plan: std::sync::Arc<Plan>,
    chain: Chain,
    input: Value,
    /// Outputs of steps, as far as they are needed.
    outputs: BTreeMap<u32, Value>,
    /// What steps go through, as far as it is needed.
    items: BTreeMap<u32, Vec<Value>>,
    /// Results of single tasks, as far as they are needed.
    results: BTreeMap<Place, Value>,
    /// What came out of the steps whose list has ended, or why it cannot be put together.
    lists: BTreeMap<u32, Result<String, String>>,
}

/// Answers what is asked until the service stops.
pub(super) async fn answer(ains: Ains) {
    let mut stopping = ains.inner.stopping.subscribe();
    let mut ticks = tokio::time::interval(RECHECK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut at_work: JoinSet<ChainId> = JoinSet::new();
    let mut busy = BTreeSet::new();
    loop {
        let ticked = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            _ = ticks.tick() => true,
            () = ains.engine().questions.notified() => false,
            Some(done) = at_work.join_next() => {
                // A task that panicked leaves its chain to the next look.
                match done {
                    Ok(chain) => drop(busy.remove(&chain)),
                    Err(_) => busy.clear(),
                }
                false
            }
        };
        if ticked {
            look(&ains, &busy).await;
        }
        while busy.len() < AT_ONCE {
            let next = {
                let mut state = ains.engine().lock();
                let next = state.asking.iter().find(|chain| !busy.contains(*chain)).copied();
                next.and_then(|chain| state.asking.take(&chain))
            };
            let Some(chain) = next else { break };
            busy.insert(chain);
            let ains = ains.clone();
            at_work.spawn(async move {
                if let Err(error) = answer_one(&ains, chain).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        %chain,
                        "what a chain asks was not answered"
                    );
                }
                chain
            });
        }
    }
}

/// Looks for chains that have waited for long, and that nobody here is `busy` with.
async fn look(ains: &Ains, busy: &BTreeSet<ChainId>) {
    let since = ains.now() - RECHECK;
    match ains.read(move |conn| chains::asked(conn, since, LOOK)).await {
        Ok(found) => {
            let mut state = ains.engine().lock();
            let mut missed = 0;
            for chain in found {
                missed += usize::from(state.asking.insert(chain) && !busy.contains(&chain));
            }
            drop(state);
            ains.metrics().repaired(Repair::Question, missed);
        }
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "chains were not looked for"
        ),
    }
}

async fn answer_one(ains: &Ains, id: ChainId) -> Result<(), Error> {
    let machine = std::sync::Arc::clone(&ains.inner.machine);
    let asked = ains
        .read(move |conn| {
            let Some(stored) = chains::find(conn, id)? else {
                return Ok(None);
            };
            let plan = machine.plans.of(conn, id)?;
            gather(conn, stored, plan).map(Some)
        })
        .await?;
    let Some(asked) = asked else { return Ok(()) };
    let found = tokio::task::spawn_blocking(move || asked.answers(id));
    let found = found.await.map_err(|_| Error::Stopping)?;
    if !found.answers.is_empty() {
        ains.queue(Op::Advance(found));
    }
    Ok(())
}

/// Reads what the open questions of a chain need.
fn gather(conn: &mut Conn, stored: StoredChain, plan: std::sync::Arc<Plan>) -> Result<Asked, StoreError> {
    let id = stored.id;
    let mut asked = Asked {
        input: json(&chains::fixed(conn, id)?.input),
        outputs: BTreeMap::new(),
        items: BTreeMap::new(),
        results: BTreeMap::new(),
        lists: BTreeMap::new(),
        chain: stored.chain,
        plan,
    };
    let questions = asked.chain.questions(&asked.plan);
    let mut wanted = BTreeSet::new();
    let mut items = BTreeSet::new();
    let mut places = BTreeSet::new();
    for question in &questions {
        if let Question::Output { step, run, total } = *question {
            let list = put_together(conn, id, step, run, total)?;
            asked.lists.insert(step, list);
            continue;
        }
        let needs = asked.chain.needs(&asked.plan, question);
        wanted.extend(
            needs
                .steps
                .iter()
                .filter(|(_, output)| *output)
                .map(|(step, _)| *step),
        );
        items.extend(needs.item.map(|_| question.step()));
        if let Some(Output::Task(place)) = needs.output {
            places.insert(place);
        }
        if let Some(Output::Items { step, .. }) = needs.output {
            wanted.insert(step);
        }
    }
    let outputs: Vec<(u32, Output)> = wanted
        .into_iter()
        .map(|step| (step, asked.chain.output(&asked.plan, step)))
        .collect();
    places.extend(outputs.iter().filter_map(|(_, output)| match output {
        Output::Task(place) => Some(*place),
        _ => None,
    }));
    let places: Vec<Place> = places.into_iter().collect();
    asked.results = results_at(conn, id, &places)?;
    let mut steps: BTreeSet<u32> = outputs.iter().map(|(step, _)| *step).collect();
    steps.extend(&items);
    let lists = chains::lists(conn, id, &steps.into_iter().collect::<Vec<_>>())?;
    for (step, output) in outputs {
        let value = match output {
            Output::None => Value::Null,
            Output::Task(place) => asked.results.get(&place).cloned().unwrap_or(Value::Null),
            Output::Items { total: 0, .. } => Value::Array(Vec::new()),
            Output::Items { .. } => list(lists.get(&step).and_then(|(_, output)| output.as_deref())),
        };
        asked.outputs.insert(step, value);
    }
    for step in items {
        if let Value::Array(items) = list(lists.get(&step).and_then(|(items, _)| items.as_deref())) {
            asked.items.insert(step, items);
        }
    }
    Ok(asked)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn list(text: Option<&str>) -> Value {
    text.map_or(Value::Null, json)
}

/// The results of the tasks at `places`.
fn results_at(conn: &mut Conn, id: ChainId, places: &[Place]) -> Result<BTreeMap<Place, Value>, StoreError> {
    let placed = chains::results(conn, id, places, SEEN)?;
    Ok(placed
        .into_iter()
        .filter_map(|(place, placed)| Some((place, json(placed.result.as_deref()?))))
        .collect())
}

/// The list of the results of a step's items, as JSON text, or why there is none.
fn put_together(
    conn: &mut Conn,
    id: ChainId,
    step: u32,
    run: u32,
    total: u32,
) -> Result<Result<String, String>, StoreError> {
    let places: Vec<Place> = (0..total)
        .map(|item| Place {
            step,
            run,
            iteration: 1,
            item: Some(item),
            compensation: false,
        })
        .collect();
    let mut placed = chains::results(conn, id, &places, OUTPUT)?;
    if placed.values().any(|placed| placed.left_out) {
        return Ok(Err(format!(
            "the results of the items have more than {OUTPUT} characters together"
        )));
    }
    // What failed has no result.
    let results = places.iter().map(|place| placed.remove(place)?.result);
    let texts: Vec<Box<str>> = results
        .map(|result| result.unwrap_or_else(|| "null".into()))
        .collect();
    Ok(Ok(format!("[{}]", texts.join(","))))
}

impl Asked {
    /// Answers every open question.
    fn answers(mut self, id: ChainId) -> Found {
        let mut lists = std::mem::take(&mut self.lists);
        let asked = &self;
        let mut answers = Vec::new();
        let mut context = Context::new();
        context.set_input(&asked.input);
        for question in asked.chain.questions(&asked.plan) {
            let mut list = None;
            let answer = if let Question::Output { step, .. } = question {
                let Some(output) = lists.remove(&step) else {
                    continue;
                };
                output.map(|output| {
                    list = Some(StepList::Output(output.into()));
                    Answer::Output
                })
            } else {
                let needs = asked.chain.needs(&asked.plan, &question);
                asked.fill(&mut context, &question, &needs);
                asked.plan.evaluate(&question, &context).map(|evaluation| {
                    let answer = evaluation.answer();
                    if let Evaluation::Items(items) = evaluation {
                        list = Some(StepList::Items(Value::Array(items).to_string().into()));
                    }
                    answer
                })
            };
            answers.push(Answered {
                question,
                answer,
                list,
            });
        }
        Found { chain: id, answers }
    }

    /// Puts into the context what a question needs.
    fn fill<'a>(&'a self, context: &mut Context<'a>, question: &Question, needs: &Needs) {
        for (step, with_output) in &needs.steps {
            let state = self.chain.step(*step);
            let value = StepValue {
                output: with_output.then(|| self.outputs.get(step)).flatten(),
                status: state.status,
                error: state.error.as_deref(),
            };
            context.set_step(&self.plan.step(*step).name, value);
        }
        if let Some(item) = needs.item {
            let value = self
                .items
                .get(&question.step())
                .and_then(|items| items.get(item as usize));
            context.set_item(item, value.unwrap_or(&Value::Null));
        }
        if let Some(iteration) = needs.iteration {
            context.set_iteration(iteration);
        }
        match needs.output {
            Some(Output::Task(place)) => {
                context.set_output(self.results.get(&place).unwrap_or(&Value::Null));
            }
            Some(Output::Items { step, .. }) => {
                context.set_output(self.outputs.get(&step).unwrap_or(&Value::Null));
            }
            Some(Output::None) => context.set_output(&Value::Null),
            None => {}
        }
    }
}

//! What a question needs to be answered, and its answer.

use serde_json::Value;

use super::place::{Answer, Place, Question};
use super::plan::Plan;
use super::status::StepStatus;
use super::{Chain, MAX_ITEMS, Output};
use crate::expression::{Context, Expression, MAX_FILLED, Root};

/// What must be put into the [`Context`] before a question can be answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Whether the chain's input is needed ([`Context::set_input`]).
    pub input: bool,
    /// The steps that are needed ([`Context::set_step`], by their names), and whether their output is, or only their
    /// status and error.
    pub steps: Vec<(u32, bool)>,
    /// The item whose value is needed ([`Context::set_item`]), by its index in the list that was the answer to
    /// [`Question::ForEach`].
    pub item: Option<u32>,
    /// The iteration ([`Context::set_iteration`]).
    pub iteration: Option<u32>,
    /// What `output` is, if it is needed ([`Context::set_output`]): the result of the last iteration that has completed,
    /// or the output of the step that is undone.
    pub output: Option<Output>,
}

/// What a question came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluation {
    /// Of `When` and `RepeatUntil`.
    Truth(bool),
    /// Of `ForEach`: the list, to be kept.
    Items(Vec<Value>),
    /// Of `Input`: the text of a JSON object.
    Input(Box<str>),
}

impl Evaluation {
    /// The answer that the chain is told.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Truth(truth) => Answer::Truth(*truth),
            Self::Items(items) => Answer::Items(u32::try_from(items.len()).unwrap_or(u32::MAX)),
            Self::Input(input) => Answer::Input(input.clone()),
        }
    }
}

impl Plan {
    /// Evaluates the expression, or the expressions, that a question is about.
    ///
    /// It takes well under a second whatever the expression and the context, and is best done where
    /// nobody waits for the thread. [`Question::Output`] is not a matter of expressions: it comes to a fault.
    ///
    /// # Errors
    /// The expression and the reason, as [`Event::Evaluated`](super::Event::Evaluated) takes it.
    pub fn evaluate(&self, question: &Question, context: &Context<'_>) -> Result<Evaluation, String> {
        let unknown = || "there is nothing to evaluate".to_owned();
        if question.step() >= self.len() {
            return Err(unknown());
        }
        if let Question::Input { place } = question {
            let template = self.template(*place).ok_or_else(unknown)?;
            let filled = template.fill(context).map_err(|fault| fault.to_string())?;
            return Ok(Evaluation::Input(filled));
        }
        let expression = self.expression(question).ok_or_else(unknown)?;
        let value = expression.evaluate(context).map_err(|fault| fault.to_string())?;
        let otherwise = |wanted: &str| format!("`{}`: it does not come to {wanted}", expression.source());
        match (question, value) {
            (Question::ForEach { .. }, Value::Array(items)) => match serde_json::to_string(&items) {
                Ok(text) if items.len() <= MAX_ITEMS && text.len() <= MAX_FILLED => {
                    Ok(Evaluation::Items(items))
                }
                _ => Err(otherwise(&format!(
                    "a list of at most {MAX_ITEMS} items and {MAX_FILLED} bytes"
                ))),
            },
            (Question::ForEach { .. }, _) => Err(otherwise("a list")),
            (_, Value::Bool(truth)) => Ok(Evaluation::Truth(truth)),
            _ => Err(otherwise("true or false")),
        }
    }

    /// The expressions that a question is about.
    fn expressions(&self, question: &Question) -> Vec<&Expression> {
        match question {
            _ if question.step() >= self.len() => Vec::new(),
            Question::Input { place } => self
                .template(*place)
                .map(|template| template.expressions().collect())
                .unwrap_or_default(),
            _ => self.expression(question).into_iter().collect(),
        }
    }

    fn expression(&self, question: &Question) -> Option<&Expression> {
        let step = self.parsed(question.step());
        match question {
            Question::When { .. } => step.when.as_ref(),
            Question::ForEach { .. } => step.for_each.as_ref(),
            Question::RepeatUntil { .. } => step.repeat_until.as_ref(),
            Question::Input { .. } | Question::Output { .. } => None,
        }
    }
}

impl Chain {
    /// What a question needs to be answered.
    pub fn needs(&self, plan: &Plan, question: &Question) -> Needs {
        let mut needs = Needs::default();
        for expression in plan.expressions(question) {
            for root in expression.roots() {
                match root {
                    Root::Input => needs.input = true,
                    Root::Steps => {}
                    Root::Item | Root::Index => needs.item = item(question),
                    Root::Iteration => needs.iteration = iteration(question),
                    Root::Output => needs.output = self.own_output(plan, question),
                }
            }
            for reference in expression.steps() {
                let Some(step) = plan.index(&reference.name) else {
                    continue;
                };
                match needs.steps.iter_mut().find(|(known, _)| *known == step) {
                    Some((_, output)) => *output |= reference.output,
                    None => needs.steps.push((step, reference.output)),
                }
            }
        }
        needs
    }

    /// What the output of a step is.
    pub fn output(&self, plan: &Plan, step: u32) -> Output {
        let state = self.step(step);
        if state.status != StepStatus::Completed || step >= plan.len() {
            return Output::None;
        }
        match state.total {
            Some(total) => Output::Items {
                step,
                run: state.run,
                total,
            },
            None => Output::Task(state.place(step, 0)),
        }
    }

    /// What `output` stands for in a question.
    fn own_output(&self, plan: &Plan, question: &Question) -> Option<Output> {
        let task = |step, run, iteration| {
            Output::Task(Place {
                step,
                run,
                iteration,
                item: None,
                compensation: false,
            })
        };
        match *question {
            Question::RepeatUntil { step, run, iteration } => Some(task(step, run, iteration)),
            Question::Input { place } if place.compensation => Some(self.output(plan, place.step)),
            Question::Input { place } if place.iteration > 1 => {
                Some(task(place.step, place.run, place.iteration - 1))
            }
            _ => None,
        }
    }
}

fn item(question: &Question) -> Option<u32> {
    match question {
        Question::Input { place } => place.item,
        _ => None,
    }
}

fn iteration(question: &Question) -> Option<u32> {
    match question {
        Question::RepeatUntil { iteration, .. } => Some(*iteration),
        Question::Input { place } => Some(place.iteration),
        _ => None,
    }
}

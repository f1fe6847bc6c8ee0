//! What is an expression: bounds on its text and its tree, and the names in it.
//!
//! Of the two parsers of the `cel` crate, this is the newer one. The older, which its interpreter uses, takes 150 KiB
//! of stack for each bracket where it is not optimised, and up to 10 ms for an expression: 90 brackets end the
//! process, and the expressions of one large chain take seconds. That both read the same is tested. The newer
//! does not tell where the parts of a tree stand; [`scan`](super::scan) finds that out.

#[cfg(test)]
mod tests;
mod translate;

use cel::parser::PrattParser;
use serde_json::Value;

use super::evaluate::{Meter, evaluate};
use super::node::Node;
use super::scan::{Kind, position, words};
use super::{Context, Fault, MAX_LEVELS, MAX_SOURCE};

/// An expression that was parsed and found to be bounded.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
    root: Node,
    roots: Vec<Root>,
    steps: Vec<StepReference>,
    patterns: usize,
}

/// A name that an expression may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// The chain's input.
    Input,
    /// The steps of the chain, by name.
    Steps,
    /// The item of a `for_each`.
    Item,
    /// Its index, from 0.
    Index,
    /// The iteration of a `repeat_until`, from 1.
    Iteration,
    /// The output of the last iteration, or of the step that is undone.
    Output,
}

/// A step that an expression refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepReference {
    /// Its name.
    pub name: String,
    /// Whether the output is referred to, rather than only the status or the error.
    pub output: bool,
    /// Where, in characters from 1.
    pub position: usize,
}

/// A text that is not an expression, or not one that is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {position}: {message}")]
pub struct ParseFault {
    /// Where, in characters of the text from 1.
    pub position: usize,
    /// What is wrong.
    pub message: String,
}

impl Root {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Input,
        Self::Steps,
        Self::Item,
        Self::Index,
        Self::Iteration,
        Self::Output,
    ];

    /// The name in expressions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Steps => "steps",
            Self::Item => "item",
            Self::Index => "index",
            Self::Iteration => "iteration",
            Self::Output => "output",
        }
    }
}

impl Expression {
    /// Parses and checks an expression.
    ///
    /// # Errors
    /// The first fault in it.
    pub fn parse(source: &str) -> Result<Self, ParseFault> {
        bounded(source)?;
        let tree = PrattParser::new()
            .enable_variadic_operator_asts(true)
            .parse(source)
            .map_err(|errors| syntax_fault(source, &errors))?;
        let translated = translate::translate(source, &tree)?;
        Ok(Self {
            source: source.to_owned(),
            root: translated.root,
            roots: translated.roots,
            steps: translated.steps,
            patterns: translated.patterns,
        })
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names it uses, each once, in order of [`Root`].
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// The steps that it refers to, each once, in order of their names.
    pub fn steps(&self) -> &[StepReference] {
        &self.steps
    }

    /// How many bytes of regular expressions it has: they take longer to compile than all else in it.
    pub fn pattern_bytes(&self) -> usize {
        self.patterns
    }

    /// Where a name is used first, in characters from 1; 1 if it is not.
    pub fn position_of(&self, root: Root) -> usize {
        translate::position_of_name(&self.source, root.as_str())
    }

    /// What it comes to.
    ///
    /// # Errors
    /// [`Fault`] with the source and the reason.
    pub fn evaluate(&self, context: &Context<'_>) -> Result<Value, Fault> {
        let meter = Meter::new();
        evaluate(&self.root, context, &meter)
            .and_then(|value| value.to_json(&meter))
            .map_err(|stop| self.fault(&stop.to_string()))
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    pub(super) fn fault(&self, reason: &str) -> Fault {
        Fault {
            expression: self.source.clone(),
            reason: reason.to_owned(),
        }
    }
}

fn fault(source: &str, byte: usize, message: impl Into<String>) -> ParseFault {
    ParseFault {
        position: position(source, byte),
        message: message.into(),
    }
}

/// Refuses what the parser should not see: what is too long or too deep for it, and characters that no
/// expression has.
fn bounded(source: &str) -> Result<(), ParseFault> {
    if source.len() > MAX_SOURCE {
        let message = format!("an expression of {} bytes; at most {MAX_SOURCE}", source.len());
        return Err(fault(source, 0, message));
    }
    let mut levels = 0_usize;
    let mut is_empty = true;
    for word in words(source) {
        is_empty = false;
        match word.kind {
            Kind::Unclosed => return Err(fault(source, word.start, "a text that does not end")),
            Kind::Sign('(' | '[' | '{') => levels += 1,
            Kind::Sign(')' | ']' | '}') => levels = levels.saturating_sub(1),
            Kind::Sign(sign) if !sign.is_ascii() || sign == '`' || sign.is_ascii_control() => {
                return Err(fault(
                    source,
                    word.start,
                    format!("unexpected `{}`", sign.escape_debug()),
                ));
            }
            _ => {}
        }
        if levels > MAX_LEVELS {
            return Err(fault(source, word.start, too_deep()));
        }
    }
    if is_empty {
        return Err(fault(source, 0, "an expression that is empty"));
    }
    Ok(())
}

fn too_deep() -> String {
    format!("deeper than {MAX_LEVELS} levels")
}

/// What the parser has to say, in one line.
fn syntax_fault(source: &str, errors: &cel::ParseErrors) -> ParseFault {
    // Those without a position are about the whole.
    let error = errors.errors.iter().find(|error| error.pos.0 > 0);
    let Some(error) = error.or(errors.errors.first()) else {
        return fault(source, 0, "not an expression");
    };
    let (line, column) = error.pos;
    let number = |number: isize| usize::try_from(number).unwrap_or(0).saturating_sub(1);
    let lines = source.split_inclusive('\n').take(number(line));
    let before: usize = lines.map(str::len).sum();
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    fault(source, before + number(column), message.replace("<EOF>", "end"))
}

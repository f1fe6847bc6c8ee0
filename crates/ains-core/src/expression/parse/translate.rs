//! From the parser's tree to nodes: names and functions resolved, depth and macros bounded.

use std::collections::{BTreeMap, BTreeSet};

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators as op,
};

use super::super::node::{Binary, Each, EachKind, Field, Function, Node};
use super::super::pattern::Pattern;
use super::super::scan::{Kind, Word, words};
use super::{MAX_LEVELS, ParseFault, Root, StepReference, fault, too_deep};

pub(super) struct Translated {
    pub(super) root: Node,
    pub(super) roots: Vec<Root>,
    pub(super) steps: Vec<StepReference>,
    /// Bytes of regular expressions.
    pub(super) patterns: usize,
}

pub(super) fn translate(source: &str, tree: &IdedExpr) -> Result<Translated, ParseFault> {
    let mut translation = Translation {
        source,
        variable: None,
        depth: 0,
        roots: BTreeSet::new(),
        steps: BTreeMap::new(),
        patterns: 0,
    };
    let root = translation.node(tree)?;
    let reference = |(name, output): (String, bool)| StepReference {
        position: position_of_step(source, &name),
        name,
        output,
    };
    Ok(Translated {
        root,
        roots: translation.roots.into_iter().collect(),
        steps: translation.steps.into_iter().map(reference).collect(),
        patterns: translation.patterns,
    })
}

struct Translation<'s> {
    source: &'s str,
    /// The variable of the macro that it is in.
    variable: Option<&'s str>,
    depth: usize,
    roots: BTreeSet<Root>,
    /// The steps referred to, and whether their output is.
    steps: BTreeMap<String, bool>,
    patterns: usize,
}

impl<'s> Translation<'s> {
    fn node(&mut self, tree: &'s IdedExpr) -> Result<Node, ParseFault> {
        if self.depth == MAX_LEVELS {
            return Err(fault(self.source, 0, too_deep()));
        }
        self.depth += 1;
        let node = match &tree.expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.nodes(&list.elements).map(Node::List),
            Expr::Map(map) => {
                let entries = map.entries.iter().map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => Ok((self.node(&entry.key)?, self.node(&entry.value)?)),
                    EntryExpr::StructField(_) => Err(self.no_types()),
                });
                entries.collect::<Result<_, _>>().map(Node::Map)
            }
            Expr::Comprehension(each) => self.each(each),
            Expr::Struct(_) => Err(self.no_types()),
            Expr::Unspecified => Err(fault(self.source, 0, "not an expression")),
        };
        self.depth -= 1;
        node
    }

    fn nodes(&mut self, trees: &'s [IdedExpr]) -> Result<Vec<Node>, ParseFault> {
        trees.iter().map(|tree| self.node(tree)).collect()
    }

    fn pair(&mut self, call: &'s CallExpr) -> Result<Box<[Node; 2]>, ParseFault> {
        match call.args.as_slice() {
            [left, right] => Ok(Box::new([self.node(left)?, self.node(right)?])),
            _ => Err(self.unknown_function(&call.func_name)),
        }
    }

    fn literal(&self, literal: &LiteralValue) -> Result<Node, ParseFault> {
        Ok(match literal {
            LiteralValue::Null => Node::Null,
            LiteralValue::Boolean(value) => Node::Bool(*value.inner()),
            LiteralValue::Int(value) => Node::Int(*value.inner()),
            LiteralValue::UInt(value) => Node::UInt(*value.inner()),
            LiteralValue::Double(value) => Node::Double(*value.inner()),
            LiteralValue::String(value) => Node::Text(value.inner().into()),
            LiteralValue::Bytes(_) => {
                let at = words(self.source)
                    .find(|word| word.kind == Kind::Quoted && word.text.starts_with(['b', 'B', 'r', 'R']));
                return Err(fault(
                    self.source,
                    at.map_or(0, |word| word.start),
                    "bytes are not supported",
                ));
            }
        })
    }

    fn name(&mut self, name: &str) -> Result<Node, ParseFault> {
        if self.variable == Some(name) {
            return Ok(Node::Variable);
        }
        match Root::ALL.into_iter().find(|root| root.as_str() == name) {
            Some(Root::Steps) => Err(ParseFault {
                position: position_of_name(self.source, name),
                message: "`steps` must be followed by the name of a step".to_owned(),
            }),
            Some(root) => {
                self.roots.insert(root);
                Ok(Node::Root(root))
            }
            None => Err(ParseFault {
                position: position_of_name(self.source, name),
                message: format!("unknown name `{name}`"),
            }),
        }
    }

    fn select(&mut self, select: &'s SelectExpr) -> Result<Node, ParseFault> {
        if let Some(step) = self.step(&select.operand.expr) {
            let Some(field) = Field::named(&select.field) else {
                let message = format!(
                    "a step has an output, a status and an error, no `{}`",
                    select.field
                );
                let position = position_of_step(self.source, step);
                return Err(ParseFault { position, message });
            };
            self.refer(step, field == Field::Output);
            return Ok(if select.test {
                Node::HasStep(step.to_owned(), field)
            } else {
                Node::Step(step.to_owned(), Some(field))
            });
        }
        if self.is_steps(&select.operand.expr) {
            if select.test {
                let position = position_of_name(self.source, "has");
                let message =
                    "whether there is a step is known: `has` is for its output or its error".to_owned();
                return Err(ParseFault { position, message });
            }
            self.refer(&select.field, true);
            return Ok(Node::Step(select.field.clone(), None));
        }
        let operand = Box::new(self.node(&select.operand)?);
        Ok(if select.test {
            Node::Has(operand, select.field.clone())
        } else {
            Node::Select(operand, select.field.clone())
        })
    }

    /// Whether it is the name `steps`.
    fn is_steps(&self, expression: &Expr) -> bool {
        matches!(expression, Expr::Ident(name) if name == "steps") && self.variable != Some("steps")
    }

    /// The name of the step that `steps.<name>` or `steps["<name>"]` stands for.
    fn step<'t>(&self, expression: &'t Expr) -> Option<&'t str> {
        match expression {
            Expr::Select(select) if !select.test && self.is_steps(&select.operand.expr) => {
                Some(&select.field)
            }
            Expr::Call(call) if call.func_name == op::INDEX => self.indexed_step(call),
            _ => None,
        }
    }

    fn indexed_step<'t>(&self, index: &'t CallExpr) -> Option<&'t str> {
        match index.args.as_slice() {
            [steps, name] if self.is_steps(&steps.expr) => match &name.expr {
                Expr::Literal(LiteralValue::String(name)) => Some(name.inner()),
                _ => None,
            },
            _ => None,
        }
    }

    fn refer(&mut self, step: &str, output: bool) {
        self.roots.insert(Root::Steps);
        *self.steps.entry(step.to_owned()).or_default() |= output;
    }

    fn call(&mut self, call: &'s CallExpr) -> Result<Node, ParseFault> {
        if let Some(target) = &call.target {
            return self.function(&call.func_name, Some(target), &call.args);
        }
        if let Some(binary) = Binary::named(&call.func_name) {
            return Ok(Node::Binary(binary, self.pair(call)?));
        }
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::LOGICAL_AND, terms) => self.nodes(terms).map(Node::And),
            (op::LOGICAL_OR, terms) => self.nodes(terms).map(Node::Or),
            (op::LOGICAL_NOT, [operand]) => Ok(Node::Not(Box::new(self.node(operand)?))),
            (op::NEGATE, [operand]) => Ok(Node::Negate(Box::new(self.node(operand)?))),
            (op::CONDITIONAL, [condition, yes, no]) => {
                let nodes = [self.node(condition)?, self.node(yes)?, self.node(no)?];
                Ok(Node::If(Box::new(nodes)))
            }
            (op::INDEX, [list, _]) => {
                if let Some(step) = self.indexed_step(call) {
                    self.refer(step, true);
                    return Ok(Node::Step(step.to_owned(), None));
                }
                if self.is_steps(&list.expr) {
                    let position = position_of_name(self.source, "steps");
                    let message = "a step must be named: `steps.<name>` or `steps[\"<name>\"]`".to_owned();
                    return Err(ParseFault { position, message });
                }
                self.pair(call).map(Node::Index)
            }
            (name, arguments) => self.function(name, None, arguments),
        }
    }

    fn function(
        &mut self,
        name: &str,
        target: Option<&'s IdedExpr>,
        arguments: &'s [IdedExpr],
    ) -> Result<Node, ParseFault> {
        let Some(function) = Function::named(name) else {
            return Err(self.unknown_function(name));
        };
        let given = arguments.len() + usize::from(target.is_some());
        let (may_be_member, must_be_member) = function.is_member();
        let is_member = target.is_some();
        if given != function.arity() || (is_member && !may_be_member) || (!is_member && must_be_member) {
            let example = match (may_be_member, function.arity()) {
                (false, _) => format!("{name}(value)"),
                (true, 1) => format!("value.{name}()"),
                (true, _) => format!("text.{name}(text)"),
            };
            return Err(ParseFault {
                position: position_of_function(self.source, name),
                message: format!("`{name}` is called as `{example}`"),
            });
        }
        let all: Vec<&IdedExpr> = target.into_iter().chain(arguments).collect();
        if let (Function::Matches, [text, pattern]) = (function, all.as_slice())
            && let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr
        {
            self.patterns += pattern.inner().len();
            let pattern = Pattern::new(pattern.inner()).map_err(|message| ParseFault {
                position: position_of_function(self.source, name),
                message,
            })?;
            return Ok(Node::Matches(Box::new(self.node(text)?), pattern));
        }
        let nodes: Result<Vec<Node>, _> = all.into_iter().map(|tree| self.node(tree)).collect();
        Ok(Node::Call(function, nodes?))
    }

    fn unknown_function(&self, name: &str) -> ParseFault {
        ParseFault {
            position: position_of_function(self.source, name),
            message: format!("unknown function `{name}`"),
        }
    }

    fn no_types(&self) -> ParseFault {
        let brace = words(self.source).find(|word| word.kind == Kind::Sign('{'));
        fault(
            self.source,
            brace.map_or(0, |word| word.start),
            "there are no types to make values of",
        )
    }

    /// A macro, which the parser has taken apart: what it starts with and how it goes on tell which.
    fn each(&mut self, each: &'s ComprehensionExpr) -> Result<Node, ParseFault> {
        let step = match &each.loop_step.expr {
            Expr::Call(step) => step.args.as_slice(),
            _ => &[],
        };
        let appended = |tree: &'s IdedExpr| match &tree.expr {
            Expr::Call(add) => match add.args.as_slice() {
                [
                    _,
                    IdedExpr {
                        expr: Expr::List(list),
                        ..
                    },
                ] => list.elements.first(),
                _ => None,
            },
            _ => None,
        };
        let (kind, condition, body) = match (&each.accu_init.expr, step) {
            (Expr::Literal(LiteralValue::Boolean(start)), [_, body]) => {
                let kind = if *start.inner() {
                    EachKind::All
                } else {
                    EachKind::Exists
                };
                (kind, None, Some(body))
            }
            (Expr::Literal(LiteralValue::Int(_)), [body, _, _]) => (EachKind::ExistsOne, None, Some(body)),
            (Expr::List(_), [condition, add, _]) => (EachKind::List, Some(condition), appended(add)),
            (Expr::List(_), [_, _]) => (EachKind::List, None, appended(&each.loop_step)),
            _ => return Err(fault(self.source, 0, "an unknown macro")),
        };
        if self.variable.is_some() {
            return Err(ParseFault {
                position: last_macro(self.source),
                message: "a macro within a macro".to_owned(),
            });
        }
        let range = self.node(&each.iter_range)?;
        self.variable = Some(&each.iter_var);
        let condition = condition.map(|tree| self.node(tree)).transpose();
        let body = body.map(|tree| self.node(tree)).transpose();
        self.variable = None;
        Ok(Node::Each(Box::new(Each {
            kind,
            range,
            condition: condition?,
            body: body?,
        })))
    }
}

/// Where a name is used first, other than as a field.
pub(super) fn position_of_name(source: &str, name: &str) -> usize {
    let mut before = None;
    let at = words(source).find(|word| {
        let is_field = before == Some(Kind::Sign('.'));
        before = Some(word.kind);
        word.text == name && !is_field
    });
    super::position(source, at.map_or(0, |word| word.start))
}

/// Where a function is called first.
fn position_of_function(source: &str, name: &str) -> usize {
    let behind = words(source).skip(1).map(|word| word.kind);
    let called = words(source).zip(behind);
    let mut at = called.filter(|(word, behind)| word.text == name && *behind == Kind::Sign('('));
    super::position(source, at.next().map_or(0, |(word, _)| word.start))
}

/// Where a step is referred to first.
fn position_of_step(source: &str, name: &str) -> usize {
    let all: Vec<Word<'_>> = words(source).collect();
    let found = all.windows(3).find_map(|window| match window {
        [steps, link, step] if steps.text == "steps" && matches!(link.kind, Kind::Sign('.' | '[')) => {
            (step.text.trim_matches(['"', '\'']) == name).then_some(step.start)
        }
        _ => None,
    });
    super::position(source, found.unwrap_or(0))
}

/// Where the last macro is called.
fn last_macro(source: &str) -> usize {
    const MACROS: [&str; 6] = ["all", "exists", "exists_one", "existsOne", "filter", "map"];
    let all: Vec<Word<'_>> = words(source).collect();
    let found = all.windows(3).rev().find_map(|window| match window {
        [dot, name, open] if dot.text == "." && MACROS.contains(&name.text) && open.text == "(" => {
            Some(name.start)
        }
        _ => None,
    });
    super::position(source, found.unwrap_or(0))
}

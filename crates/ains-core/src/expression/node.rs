//! An expression as a tree that can be evaluated: the parser's, with names and functions resolved.

use std::sync::Arc;

use super::parse::Root;
use super::pattern::Pattern;

/// A node of an expression.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(Arc<str>),
    /// A name that the context gives a value.
    Root(Root),
    /// `steps.<name>`, or a field of it.
    Step(String, Option<Field>),
    /// The variable of the macro that it is in; there is only one.
    Variable,
    Select(Box<Node>, String),
    /// `has(operand.field)`.
    Has(Box<Node>, String),
    /// `has(steps.<name>.<field>)`.
    HasStep(String, Field),
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    If(Box<[Node; 3]>),
    Binary(Binary, Box<[Node; 2]>),
    Call(Function, Vec<Node>),
    /// `matches`, with a pattern that is known.
    Matches(Box<Node>, Pattern),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Each(Box<Each>),
}

/// A macro that goes through a list or the keys of a map.
#[derive(Debug, Clone)]
pub(super) struct Each {
    pub(super) kind: EachKind,
    pub(super) range: Node,
    /// Which items it is about.
    pub(super) condition: Option<Node>,
    /// What becomes of each.
    pub(super) body: Option<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EachKind {
    /// `map` and `filter`: a list.
    List,
    All,
    Exists,
    ExistsOne,
}

/// A field of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Output,
    Status,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Int,
    UInt,
    Double,
    Text,
    Bool,
    Dyn,
}

impl Field {
    const ALL: [Self; 3] = [Self::Output, Self::Status, Self::Error];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Status => "status",
            Self::Error => "error",
        }
    }
}

impl Binary {
    /// The operator that the parser calls `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        use cel::common::ast::operators as op;
        Some(match name {
            op::ADD => Self::Add,
            op::SUBSTRACT => Self::Subtract,
            op::MULTIPLY => Self::Multiply,
            op::DIVIDE => Self::Divide,
            op::MODULO => Self::Remainder,
            op::EQUALS => Self::Equal,
            op::NOT_EQUALS => Self::NotEqual,
            op::LESS => Self::Less,
            op::LESS_EQUALS => Self::LessOrEqual,
            op::GREATER => Self::Greater,
            op::GREATER_EQUALS => Self::GreaterOrEqual,
            op::IN => Self::In,
            _ => return None,
        })
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}

impl Function {
    const ALL: [Self; 11] = [
        Self::Size,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Matches,
        Self::Int,
        Self::UInt,
        Self::Double,
        Self::Text,
        Self::Bool,
        Self::Dyn,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Matches => "matches",
            Self::Int => "int",
            Self::UInt => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bool => "bool",
            Self::Dyn => "dyn",
        }
    }

    /// How many arguments it takes, the one before the dot included.
    pub(super) fn arity(self) -> usize {
        match self {
            Self::Contains | Self::StartsWith | Self::EndsWith | Self::Matches => 2,
            _ => 1,
        }
    }

    /// Whether it may, and whether it must, be called as `target.function(…)`.
    pub(super) fn is_member(self) -> (bool, bool) {
        match self {
            Self::Size | Self::Matches => (true, false),
            Self::Contains | Self::StartsWith | Self::EndsWith => (true, true),
            _ => (false, false),
        }
    }
}

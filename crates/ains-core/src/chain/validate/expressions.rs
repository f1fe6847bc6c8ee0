//! The expressions of a step: what may stand in them, by where they are.

use std::collections::BTreeMap;

use super::super::definition::StepDefinition;
use super::super::plan::Step;
use super::before::Steps;
use super::{Check, shown};
use crate::expression::{Expression, MAX_PATTERNS, MAX_SOURCE, Root, Template};

/// What an expression can see.
pub(super) struct Scope<'a> {
    pub(super) names: &'a BTreeMap<&'a str, usize>,
    pub(super) before: &'a Steps,
}

/// What may stand in an expression, by where it is.
struct Allowed<'a> {
    roots: &'a [Root],
    /// Whether it may refer to the step that it belongs to.
    own: bool,
}

impl Check {
    /// What a plan adds to a step, but for who comes before and after it.
    pub(super) fn step(&mut self, step: &StepDefinition, scope: &Scope<'_>) -> Step {
        use Root::{Index, Input, Item, Iteration, Output, Steps};
        let task_roots: &[Root] = match (&step.for_each, &step.repeat_until) {
            (Some(_), _) => &[Input, Steps, Item, Index],
            (None, Some(_)) => &[Input, Steps, Iteration, Output],
            (None, None) => &[Input, Steps],
        };
        let outside = Allowed {
            roots: &[Input, Steps],
            own: false,
        };
        let until = Allowed {
            roots: &[Input, Steps, Iteration, Output],
            own: false,
        };
        let inside = Allowed {
            roots: task_roots,
            own: false,
        };
        let undo = Allowed {
            roots: &[Input, Steps, Output],
            own: true,
        };
        Step {
            predecessors: Vec::new(),
            successors: Vec::new(),
            when: self.expression("when", step.when.as_deref(), &outside, scope),
            for_each: self.expression("for_each", step.for_each.as_deref(), &outside, scope),
            repeat_until: self.expression("repeat_until", step.repeat_until.as_deref(), &until, scope),
            input: self.template("input_data", &step.input, &inside, scope),
            undo_input: step.compensate_with.as_ref().and_then(|compensation| {
                self.template("compensate_with.input_data", &compensation.input, &undo, scope)
            }),
        }
    }

    fn expression(
        &mut self,
        field: &str,
        source: Option<&str>,
        allowed: &Allowed<'_>,
        scope: &Scope<'_>,
    ) -> Option<Expression> {
        let source = source?;
        if self.has_too_many_patterns() {
            return None;
        }
        match Expression::parse(source) {
            Ok(expression) => {
                self.count_patterns(field, expression.pattern_bytes());
                self.names_in(field, &expression, allowed, scope);
                Some(expression)
            }
            Err(fault) => {
                self.fail(field, fault.to_string());
                self.count_refused(field, source, 1);
                None
            }
        }
    }

    fn template(
        &mut self,
        field: &str,
        text: &str,
        allowed: &Allowed<'_>,
        scope: &Scope<'_>,
    ) -> Option<Template> {
        if !text.trim_start().starts_with('{') {
            self.fail(field, "a JSON object is wanted");
            return None;
        }
        if self.has_too_many_patterns() {
            return None;
        }
        match Template::parse(text) {
            Ok(template) => {
                for expression in template.expressions() {
                    self.count_patterns(field, expression.pattern_bytes());
                    self.names_in(field, expression, allowed, scope);
                }
                (!template.is_constant()).then_some(template)
            }
            Err(faults) => {
                self.count_refused(field, text, faults.len());
                for fault in faults {
                    let link = match fault.path.chars().next() {
                        None | Some('[') => "",
                        Some(_) => ".",
                    };
                    self.fail(format!("{field}{link}{}", fault.path), fault.fault.to_string());
                }
                None
            }
        }
    }

    fn has_too_many_patterns(&self) -> bool {
        self.patterns > MAX_PATTERNS
    }

    /// What was refused may have been compiled, too.
    fn count_refused(&mut self, field: &str, text: &str, faults: usize) {
        if text.contains("matches") {
            self.count_patterns(field, text.len().min(faults * MAX_SOURCE));
        }
    }

    /// Beyond the limit no expression is looked at any more.
    fn count_patterns(&mut self, field: &str, bytes: usize) {
        let before = self.has_too_many_patterns();
        self.patterns += bytes;
        if self.has_too_many_patterns() && !before {
            self.fail(
                field,
                format!("more than {MAX_PATTERNS} bytes of regular expressions in the chain"),
            );
        }
    }

    /// Refuses names that mean nothing where the expression stands.
    fn names_in(&mut self, field: &str, expression: &Expression, allowed: &Allowed<'_>, scope: &Scope<'_>) {
        for root in expression.roots() {
            if !allowed.roots.contains(root) {
                let (name, position) = (root.as_str(), expression.position_of(*root));
                let message = format!(
                    "at {position}: `{name}` means nothing here, in `{}`",
                    expression.source()
                );
                self.fail(field, message);
            }
        }
        for reference in expression.steps() {
            let name = shown(&reference.name);
            let problem = match scope.names.get(reference.name.as_str()) {
                None => format!("there is no step `{name}`"),
                Some(&step) if step == self.step && allowed.own => continue,
                Some(&step) if scope.before.contains(step) => continue,
                Some(_) => format!("step `{name}` does not come before this one"),
            };
            let (position, source) = (reference.position, expression.source());
            self.fail(field, format!("at {position}: {problem}, in `{source}`"));
        }
    }
}

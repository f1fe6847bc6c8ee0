//! A route: a path, its methods, and what each asks of whoever calls it. All three are declared together, so that the gate
//! and the contract say the same.

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Resource, Responder};

use crate::auth::{Gate, Need, Noun, Rule};

/// A path, its methods, and what they ask for.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) rules: Vec<Rule>,
    noun: Noun,
    resource: Resource,
}

/// A route at `path`, whose `{id}`, if it has one, has yet to be said what it is [of](Route::of).
pub(crate) fn at(path: &'static str) -> Route {
    Route {
        path,
        rules: Vec::new(),
        noun: Noun::Plain,
        resource: web::resource(path),
    }
}

macro_rules! methods {
    ($($name:ident = $method:ident;)+) => {$(
        #[doc = concat!("Answers `", stringify!($method), "` with `handler`, if `need` is met.")]
        pub(crate) fn $name<F, Args>(mut self, need: impl Into<Need>, handler: F) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.rules.push(Rule { method: Method::$method, need: need.into() });
            self.resource = self.resource.$name(handler);
            self
        }
    )+};
}

impl Route {
    /// Says what the `{id}` in the path stands for: only whoever reaches it passes.
    pub(crate) fn of(mut self, noun: Noun) -> Self {
        self.noun = noun;
        self
    }

    methods! {
        get = GET;
        post = POST;
        put = PUT;
        patch = PATCH;
        delete = DELETE;
    }

    /// Adds it to the application, behind its gate.
    pub(crate) fn add_to(self, config: &mut ServiceConfig) {
        let gate = Gate {
            noun: self.noun,
            rules: self.rules.into(),
        };
        config.service(self.resource.wrap(gate));
    }
}

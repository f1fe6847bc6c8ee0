//! The table of settings: the one place that knows their names, and the command line made from it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command, value_parser};

/// A setting, under its three names.
pub(super) struct Setting {
    /// In the file.
    pub(super) name: &'static str,
    /// On the command line, after two hyphens.
    pub(super) flag: &'static str,
    /// In the environment.
    pub(super) env: &'static str,
    value: &'static str,
    help: &'static str,
}

/// Every setting, in the order of the help.
pub(super) const SETTINGS: [Setting; 25] = [
    Setting {
        name: "database_url",
        flag: "database-url",
        env: "AINS_DATABASE_URL",
        value: "URL",
        help: "Where the data is: sqlite://PATH, sqlite://:memory: (gone at the end)\n\
               or postgres://USER@HOST/NAME [default: sqlite://ains.db]",
    },
    Setting {
        name: "bind",
        flag: "bind",
        env: "AINS_BIND",
        value: "ADDRESS",
        help: "Where to listen; port 0 takes a free one [default: 127.0.0.1:8000]",
    },
    Setting {
        name: "tls_cert",
        flag: "tls-cert",
        env: "AINS_TLS_CERT",
        value: "FILE",
        help: "The certificate to serve HTTPS with, in PEM, those of its authorities behind it\n\
               [default: HTTP is served]",
    },
    Setting {
        name: "tls_key",
        flag: "tls-key",
        env: "AINS_TLS_KEY",
        value: "FILE",
        help: "The key of that certificate, in PEM",
    },
    Setting {
        name: "cors_origins",
        flag: "cors-origins",
        env: "AINS_CORS_ORIGINS",
        value: "LIST",
        help: "The origins whose pages may ask, with commas: https://app.example [default: none]",
    },
    Setting {
        name: "max_connections",
        flag: "max-connections",
        env: "AINS_MAX_CONNECTIONS",
        value: "NUMBER",
        help: "Connections at the same time; more wait to be accepted [default: 10000, or what the\n\
               limit of open files allows]",
    },
    Setting {
        name: "auth",
        flag: "auth",
        env: "AINS_AUTH",
        value: "on|off",
        help: "Whether a key is needed; `off` only together with a loopback address [default: on]",
    },
    Setting {
        name: "admin_key",
        flag: "admin-key",
        env: "AINS_ADMIN_KEY",
        value: "KEY",
        help: "An admin key to accept, for scripts; better in the environment, for other users\n\
               can see flags [default: one is made on the first start, and shown once]",
    },
    Setting {
        name: "secret_key",
        flag: "secret-key",
        env: "AINS_SECRET_KEY",
        value: "KEYS",
        help: "What the secrets of webhooks are kept with: 64 hexadecimal digits; of several with\n\
               commas the first seals and all open; better in the environment\n\
               [default: with SQLite a file beside the database; with PostgreSQL none]",
    },
    Setting {
        name: "agent_identity",
        flag: "agent-identity",
        env: "AINS_AGENT_IDENTITY",
        value: "verify|hex-only",
        help: "Whether an agent's signature must verify, or only be hexadecimal [default: verify]",
    },
    Setting {
        name: "assignment_timeout_seconds",
        flag: "assignment-timeout-seconds",
        env: "AINS_ASSIGNMENT_TIMEOUT_SECONDS",
        value: "SECONDS",
        help: "How long an agent may take to start what it was assigned [default: 60]",
    },
    Setting {
        name: "pg_writers",
        flag: "pg-writers",
        env: "AINS_PG_WRITERS",
        value: "NUMBER",
        help: "Threads that write to PostgreSQL; SQLite has one [default: 2]",
    },
    Setting {
        name: "write_queue",
        flag: "write-queue",
        env: "AINS_WRITE_QUEUE",
        value: "NUMBER",
        help: "Writes that may wait before more are answered with 503 [default: 8192]",
    },
    Setting {
        name: "slot_retention_seconds",
        flag: "slot-retention-seconds",
        env: "AINS_SLOT_RETENTION_SECONDS",
        value: "SECONDS",
        help: "How long it is kept what became of the slots of schedules [default: 2592000, 30 days]",
    },
    Setting {
        name: "event_retention_seconds",
        flag: "event-retention-seconds",
        env: "AINS_EVENT_RETENTION_SECONDS",
        value: "SECONDS",
        help: "How long it is kept what happened, for followers that come back; 0: not at all\n\
               [default: 3600, an hour]",
    },
    Setting {
        name: "webhook_allow_private",
        flag: "webhook-allow-private",
        env: "AINS_WEBHOOK_ALLOW_PRIVATE",
        value: "on|off",
        help: "Whether webhooks may be called on this machine and in private networks [default: off]",
    },
    Setting {
        name: "webhook_retry_seconds",
        flag: "webhook-retry-seconds",
        env: "AINS_WEBHOOK_RETRY_SECONDS",
        value: "LIST",
        help: "How long after one another a delivery to a webhook is tried; the first 0 is the first\n\
               attempt [default: 0,5,30,300,1800,7200,21600,43200,86400]",
    },
    Setting {
        name: "task_retention_seconds",
        flag: "task-retention-seconds",
        env: "AINS_TASK_RETENTION_SECONDS",
        value: "SECONDS",
        help: "How long tasks and chains are kept after they ended; 0 keeps them [default: 0]",
    },
    Setting {
        name: "address_limit_per_minute",
        flag: "address-limit-per-minute",
        env: "AINS_ADDRESS_LIMIT_PER_MINUTE",
        value: "NUMBER",
        help: "Requests without a valid key that pass from one address in a minute; 0: any number\n\
               [default: 6000]",
    },
    Setting {
        name: "guess_limit_per_minute",
        flag: "guess-limit-per-minute",
        env: "AINS_GUESS_LIMIT_PER_MINUTE",
        value: "NUMBER",
        help: "Wrong keys that are looked up for one address in a minute; 0: any number [default: 600]",
    },
    Setting {
        name: "trusted_proxies",
        flag: "trusted-proxies",
        env: "AINS_TRUSTED_PROXIES",
        value: "LIST",
        help: "Addresses and networks of the proxies whose X-Forwarded-For is believed, with commas\n\
               between [default: none]",
    },
    Setting {
        name: "audit_retention_seconds",
        flag: "audit-retention-seconds",
        env: "AINS_AUDIT_RETENTION_SECONDS",
        value: "SECONDS",
        help: "How long entries of the audit log are kept; 0 keeps them [default: 7776000, 90 days]",
    },
    Setting {
        name: "http_workers",
        flag: "http-workers",
        env: "AINS_HTTP_WORKERS",
        value: "NUMBER",
        help: "Threads that serve HTTP [default: one a core, at most 4]",
    },
    Setting {
        name: "seed",
        flag: "seed",
        env: "AINS_SEED",
        value: "NUMBER",
        help: "Fixes all randomness, for tests [default: random]",
    },
    Setting {
        name: "log",
        flag: "log",
        env: "AINS_LOG",
        value: "LEVEL",
        help: "What is logged to standard error: off, error, warn, info, debug or trace,\n\
               also by part, as in info,ains_http=debug [default: info]",
    },
];

/// How the help ends.
const EPILOGUE: &str = "\
A flag goes before the environment, the environment before the file, the file before the default.
In the file a setting has the name of its flag, with underscores: database_url = \"sqlite://ains.db\".

Try it:  ains-server --demo";

/// The command line.
pub(super) fn command() -> Command {
    let settings = SETTINGS.iter().map(|setting| {
        Arg::new(setting.name)
            .long(setting.flag)
            .env(setting.env)
            .hide_env_values(true)
            .value_name(setting.value)
            .help(setting.help)
            .allow_hyphen_values(true)
            // What concerns a command as well may stand behind it.
            .global(matches!(setting.name, "database_url" | "log"))
    });
    Command::new("ains-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("AINS, a task orchestration service: clients submit tasks, agents execute them.")
        .after_help(EPILOGUE)
        .args(settings)
        .subcommand(super::keys::command())
        .arg(
            Arg::new("config")
                .long("config")
                .global(true)
                .env("AINS_CONFIG")
                .hide_env_values(true)
                .value_name("FILE")
                // Not a path, which clap does not let be empty.
                .value_parser(value_parser!(OsString))
                .help("A TOML file with settings"),
        )
        .arg(
            Arg::new("demo")
                .long("demo")
                .value_name("PATH")
                .num_args(0..=1)
                .value_parser(value_parser!(PathBuf))
                .help(
                    "Show what it does: the real server, and three agents that work on the text files\n\
                     under PATH [default: the current directory]; the data is gone at the end unless\n\
                     a database is named",
                ),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_setting_has_one_name_in_three_spellings() {
        for setting in &SETTINGS {
            assert_eq!(setting.flag, setting.name.replace('_', "-"));
            assert_eq!(setting.env, format!("AINS_{}", setting.name.to_uppercase()));
        }
    }
}

//! `ains-server key …`: what an operator wants of the keys.

use std::ops::RangeInclusive;
use std::time::Duration;

use ains_core::key::limits;
use ains_core::{AgentId, ClientId, KeyId, Scopes};
use ains_service::model::{KeyFilter, NewKey};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// Keys that are listed at most.
const LISTED: i64 = 1000;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// What an operator wants of the keys.
#[derive(Debug, Clone)]
pub(crate) enum KeyCommand {
    /// A new one.
    Create(NewKey),
    /// Those there are.
    List(KeyFilter),
    /// One opens nothing from now on.
    Revoke(KeyId),
    /// Another secret for one; the one before is good for a while.
    Rotate(KeyId, Duration),
}

/// The part of the command line.
pub(super) fn command() -> Command {
    let id = || {
        Arg::new("id")
            .value_name("KEY_ID")
            .required(true)
            .value_parser(value_parser!(KeyId))
    };
    let list = Command::new("list")
        .about("Print the keys, newest first, without what opens them")
        .arg(
            Arg::new("client")
                .long("client")
                .value_name("CLIENT")
                .value_parser(value_parser!(ClientId))
                .help("Only those of this client"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Also those that are switched off or revoked"),
        );
    let revoke = Command::new("revoke")
        .about("Let a key open nothing from now on, within a second on every server")
        .arg(id());
    let rotate = Command::new("rotate")
        .about("Give a key another secret, and print it")
        .arg(id())
        .arg(
            Arg::new("grace_seconds")
                .long("grace-seconds")
                .value_name("SECONDS")
                .value_parser(value_parser!(u32).range(range(&limits::GRACE_SECONDS)))
                .help("How long the secret before is good yet [default: 86400, a day]"),
        );
    Command::new("key")
        .about("Make, list, rotate and revoke API keys, beside a running server or without one")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([create(), list, revoke, rotate])
}

fn create() -> Command {
    let limit = |name: &'static str, flag: &'static str, help: &'static str| {
        Arg::new(name).long(flag).value_name("N").help(help)
    };
    Command::new("create")
        .about("Make a key, and print what opens it")
        .arg(
            Arg::new("name")
                .long("name")
                .value_name("NAME")
                .required(true)
                .help("What people call it"),
        )
        .arg(
            Arg::new("description")
                .long("description")
                .value_name("TEXT")
                .help("What it is for"),
        )
        .arg(
            Arg::new("client")
                .long("client")
                .value_name("CLIENT")
                .value_parser(value_parser!(ClientId))
                .help("The client whose things alone it sees and changes"),
        )
        .arg(
            Arg::new("agent")
                .long("agent")
                .value_name("AGENT")
                .value_parser(value_parser!(AgentId))
                .help("The agent as which alone it works"),
        )
        .arg(
            Arg::new("scope")
                .long("scope")
                .value_name("SCOPE")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .value_parser(value_parser!(Scopes))
                .required(true)
                .help("What it may be used for: task:read, task:*, admin …; may be repeated"),
        )
        .arg(limit(
            "per_minute",
            "per-minute",
            "Requests a minute, or `none` [default: 60; none with `admin`]",
        ))
        .arg(limit(
            "per_hour",
            "per-hour",
            "Requests an hour, or `none` [default: 1000; none with `admin`]",
        ))
        .arg(
            Arg::new("expires_in_days")
                .long("expires-in-days")
                .value_name("DAYS")
                .value_parser(value_parser!(u32).range(range(&limits::EXPIRES_IN_DAYS)))
                .help("Days after which it is good no more [default: it does not expire]"),
        )
}

fn range(bounds: &RangeInclusive<u32>) -> RangeInclusive<i64> {
    i64::from(*bounds.start())..=i64::from(*bounds.end())
}

/// What was asked for.
///
/// # Errors
/// A sentence about what cannot be right.
pub(super) fn read(matches: &ArgMatches) -> Result<KeyCommand, String> {
    let id = |matches: &ArgMatches| *matches.get_one::<KeyId>("id").expect("clap asks for it");
    Ok(match matches.subcommand() {
        Some(("create", create)) => KeyCommand::Create(new_key(create)?),
        Some(("revoke", revoke)) => KeyCommand::Revoke(id(revoke)),
        Some(("rotate", rotate)) => {
            let seconds = rotate.get_one::<u32>("grace_seconds").copied();
            let seconds = seconds.unwrap_or(limits::DEFAULT_GRACE_SECONDS);
            KeyCommand::Rotate(id(rotate), Duration::from_secs(seconds.into()))
        }
        Some((_, list)) => KeyCommand::List(KeyFilter {
            client: list.get_one("client").cloned(),
            active_only: !list.get_flag("all"),
            before: None,
            limit: LISTED,
        }),
        None => return Err("a command for keys is missing".to_owned()),
    })
}

fn new_key(matches: &ArgMatches) -> Result<NewKey, String> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let given = matches.get_many::<Scopes>("scope").into_iter().flatten();
    let scopes = given.flat_map(|scopes| scopes.iter());
    let scopes = scopes.fold(Scopes::NONE, Scopes::with);
    let limit = |name: &str, range: &RangeInclusive<u32>, default: u32| match text(name).as_deref() {
        None => Ok((!scopes.is_admin()).then_some(default)),
        Some("none") => Ok(None),
        Some(text) => {
            let number = text.parse().ok().filter(|number| range.contains(number));
            let flag = name.replace('_', "-");
            number.map(Some).ok_or_else(|| {
                format!(
                    "--{flag} must be {} to {}, or `none`, not `{text}`",
                    range.start(),
                    range.end()
                )
            })
        }
    };
    let days = matches.get_one::<u32>("expires_in_days");
    Ok(NewKey {
        name: text("name").unwrap_or_default(),
        description: text("description"),
        client: matches.get_one("client").cloned(),
        agent: matches.get_one("agent").cloned(),
        scopes,
        per_minute: limit("per_minute", &limits::PER_MINUTE, limits::DEFAULT_PER_MINUTE)?,
        per_hour: limit("per_hour", &limits::PER_HOUR, limits::DEFAULT_PER_HOUR)?,
        expires_in: days.map(|days| Duration::from_secs(u64::from(*days) * DAY)),
    })
}

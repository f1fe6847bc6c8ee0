//! The command line.

use std::path::PathBuf;

/// How to call it.
pub(crate) const USAGE: &str = "\
Runs a scientific workflow on an AINS server: every task sleeps as long as it once ran, times a scale.

Usage: workflow [OPTIONS] [FILE]

  FILE          a workflow in the WfFormat 1.5 of WfCommons; default: a small one that comes along
  --url URL     the server; default http://127.0.0.1:8000
  --key KEY     the API key, unless the server needs none
  --scale X     seconds to sleep for a recorded second; default 0.01
  --agents N    agents that share the work; default: one for every 400 tasks of the widest level, at most 8
  --help        this text";

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) struct Args {
    pub(crate) file: Option<PathBuf>,
    pub(crate) url: String,
    pub(crate) key: Option<String>,
    pub(crate) scale: f64,
    pub(crate) agents: Option<usize>,
}

impl Args {
    /// Reads the arguments after the program's name; `None` if only help is wanted.
    ///
    /// # Errors
    /// When they make no sense: why.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut args = Self {
            file: None,
            url: "http://127.0.0.1:8000".to_owned(),
            key: None,
            scale: 0.01,
            agents: None,
        };
        while let Some(word) = words.next() {
            let (name, joined) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (&*word, None),
            };
            let mut value = || {
                joined
                    .clone()
                    .or_else(|| words.next())
                    .ok_or(format!("`{name}` needs a value"))
            };
            match name {
                "--help" | "-h" => return Ok(None),
                "--url" => args.url = value()?,
                "--key" => args.key = Some(value()?),
                "--scale" => args.scale = scale(&value()?)?,
                "--agents" => args.agents = Some(agents(&value()?)?),
                _ if name.starts_with('-') => return Err(format!("there is no option `{name}`")),
                _ if args.file.is_some() => return Err(format!("`{word}` is one file too many")),
                _ => args.file = Some(word.into()),
            }
        }
        Ok(Some(args))
    }
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if f64::is_finite(scale) && scale >= 0.0 => Ok(scale),
        _ => Err(format!("`--scale {text}` is not a number from 0 on")),
    }
}

fn agents(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(agents @ 1..=1000) => Ok(agents),
        _ => Err(format!("`--agents {text}` is not a number from 1 to 1000")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_and_a_file_come_in_any_order() {
        let args = parse("--scale 0.5 --key=k=1 a.json --agents 3 --url http://h:1");
        let expected = Args {
            file: Some("a.json".into()),
            url: "http://h:1".to_owned(),
            key: Some("k=1".to_owned()),
            scale: 0.5,
            agents: Some(3),
        };
        assert_eq!(args, Ok(Some(expected)));
        assert_eq!(parse("a.json --help"), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "a.json b.json",
            "--url",
            "--scale fast",
            "--scale -1",
            "--scale inf",
            "--agents 0",
            "--agents many",
            "--verbose",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}

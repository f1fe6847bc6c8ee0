//! The limits of keys: who passes, and what they are told about it, as draft-ietf-httpapi-ratelimit-headers words it.

use std::fmt::Write as _;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ains_core::rate::Standing;
use ains_service::Passage;
use ains_service::model::Principal;

use crate::app::HttpState;
use crate::problem::Problem;

static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How a key stands, and whether its limits let a request pass: 429 if they do not, 503 if that cannot be found out.
pub(crate) async fn pass(state: &HttpState, principal: &Principal) -> (Standing, Result<(), Problem>) {
    // The operator's own has no limits, and is not counted.
    let Some(key) = principal.key else {
        return (Standing::default(), Ok(()));
    };
    match state.ains.pass(key, principal.quota()).await {
        Ok(Passage::Passed(standing)) => (standing, Ok(())),
        Ok(Passage::Refused(standing)) => {
            let seconds = standing.exhausted().map_or(1, |(_, seconds)| seconds);
            (standing, Err(Problem::limited(seconds)))
        }
        Err(error) => (Standing::default(), Err(error.into())),
    }
}

/// Says in `headers` which limits the key has, and how much is left of them.
pub(crate) fn tell(standing: &Standing, headers: &mut HeaderMap) {
    let (mut policy, mut rest) = (String::new(), String::new());
    for (period, figure) in standing.figures() {
        let comma = if policy.is_empty() { "" } else { ", " };
        let name = period.as_str();
        // Writing into a text does not fail.
        let _ = write!(
            policy,
            r#"{comma}"{name}";q={};w={}"#,
            figure.limit,
            period.seconds()
        );
        let _ = write!(
            rest,
            r#"{comma}"{name}";r={};t={}"#,
            figure.remaining, figure.resets_in
        );
    }
    for (name, text) in [(&RATE_LIMIT_POLICY, policy), (&RATE_LIMIT, rest)] {
        if let Ok(value) = HeaderValue::try_from(text)
            && !value.is_empty()
        {
            headers.insert(name.clone(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use ains_core::Timestamp;
    use ains_core::rate::Figure;

    use super::*;

    fn told(standing: &Standing) -> [Option<String>; 2] {
        let mut headers = HeaderMap::new();
        tell(standing, &mut headers);
        [&RATE_LIMIT_POLICY, &RATE_LIMIT]
            .map(|name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn each_limit_is_an_item_of_a_list() {
        let minute = Figure {
            limit: 60,
            remaining: 12,
            window: Timestamp::from_micros(0),
            resets_in: 34,
        };
        let hour = Figure {
            limit: 1000,
            remaining: 0,
            resets_in: 3001,
            ..minute
        };
        let mut standing = Standing {
            minute: Some(minute),
            hour: Some(hour),
        };
        let both = [
            r#""minute";q=60;w=60, "hour";q=1000;w=3600"#,
            r#""minute";r=12;t=34, "hour";r=0;t=3001"#,
        ];
        assert_eq!(told(&standing), both.map(|text| Some(text.to_owned())));
        standing.minute = None;
        let one = [r#""hour";q=1000;w=3600"#, r#""hour";r=0;t=3001"#];
        assert_eq!(told(&standing), one.map(|text| Some(text.to_owned())));
        assert_eq!(told(&Standing::default()), [None, None]);
    }
}

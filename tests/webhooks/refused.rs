//! Addresses that may not be called.

use ains_testkit::Backend;
use reqwest::Method;
use serde_json::json;

use crate::caller::Caller;
use crate::site::{Site, run};

#[test]
fn hostile_addresses_are_refused_when_they_are_registered() {
    run(async {
        let site = Site::new(Backend::Sqlite).expect("SQLite is built in");
        let mut server = site.serve(&[]);
        let caller = Caller::new([server.url()]);
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://169.254.169.254/latest/meta-data",
            "http://[64:ff9b::169.254.169.254]/",
            "http://10.0.0.1/",
            "http://192.168.0.1/",
            "http://0.0.0.0/",
            "http://localhost:8000/",
            "http://user:pass@example.com/",
            "file:///etc/passwd",
            "ftp://example.com/",
            "example.com",
        ] {
            let body = json!({"agent_id": "c", "url": url, "events": ["*"]});
            let answer = caller
                .ask(Method::POST, "/ains/webhooks", Some(&body), None)
                .await;
            assert_eq!(answer.status, 400, "{url}: {answer:?}");
        }
        assert!(server.terminate().success());
    });
}

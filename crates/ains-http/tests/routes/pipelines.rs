//! The pipelines of the guide, each as it stands there.

use serde_json::{Value, json};

use crate::chains::{Done, NOW, inputs, statuses};
use crate::site::Site;

/// A pipeline of the guide.
fn of_guide(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[actix_web::test]
async fn the_guide_moves_sales() {
    let body = of_guide(include_str!("../../../../docs/guides/chains/etl.json"));
    let work = |task: &Value| -> Done {
        Ok(match task["step"].as_str().unwrap() {
            "transform" => json!({"rows": [1, 2, 3]}),
            "load" => json!({"loaded": task["input_data"]["rows"].as_array().unwrap().len()}),
            step => json!({"from": step}),
        })
    };
    let (chain, tasks) = Site::open().await.run(&body, work).await;
    assert_eq!(chain["status"], "COMPLETED", "{chain}");
    let mut inputs = inputs(&tasks);
    inputs[..2].sort_by_key(|(step, _)| *step);
    assert_eq!(
        inputs,
        [
            ("customers", &json!({"table": "customers"})),
            ("orders", &json!({"table": "orders", "day": "2026-01-01"})),
            (
                "transform",
                &json!({"previous_output": {"orders": {"from": "orders"}, "customers": {"from": "customers"}}})
            ),
            ("load", &json!({"into": "sales_2026-01-01", "rows": [1, 2, 3]})),
            ("report", &json!({"text": "3 sales on 2026-01-01"})),
        ]
    );
}

#[actix_web::test]
async fn the_guide_tells_nobody_of_nothing() {
    let body = of_guide(include_str!("../../../../docs/guides/chains/etl.json"));
    let work = |task: &Value| -> Done {
        Ok(match task["step"].as_str().unwrap() {
            "transform" => json!({"rows": []}),
            "load" => json!({"loaded": 0}),
            _ => json!({}),
        })
    };
    let (chain, _) = Site::open().await.run(&body, work).await;
    assert_eq!(chain["status"], "COMPLETED");
    assert_eq!(chain["steps"][4]["status"], "SKIPPED");
    assert_eq!(
        chain["step_results"]["4"],
        json!({"status": "SKIPPED", "data": null, "completed_at": NOW})
    );
}

#[actix_web::test]
async fn the_guide_trains_until_it_is_good_enough() {
    let body = of_guide(include_str!("../../../../docs/guides/chains/training.json"));
    for (accuracies, score, expected) in [
        // Good enough in the third round, and published.
        (
            [0.5, 0.7, 0.95, 0.0],
            0.85,
            ["COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED"],
        ),
        // Good enough, but not on data that it has not seen.
        (
            [0.95, 0.0, 0.0, 0.0],
            0.2,
            ["COMPLETED", "COMPLETED", "COMPLETED", "SKIPPED", "COMPLETED"],
        ),
        // Never good enough.
        (
            [0.1, 0.2, 0.3, 0.4],
            0.0,
            ["COMPLETED", "FAILED", "SKIPPED", "SKIPPED", "COMPLETED"],
        ),
    ] {
        let mut rounds = 0_usize;
        let work = |task: &Value| -> Done {
            let input = &task["input_data"];
            Ok(match task["step"].as_str().unwrap() {
                "prepare" => json!({"data": "s3://data"}),
                "train" => {
                    assert_eq!(
                        (&input["data"], &input["round"]),
                        (&json!("s3://data"), &json!(rounds + 1))
                    );
                    let before = rounds.checked_sub(1).map(|before| accuracies[before]);
                    assert_eq!(input["previous_output"]["accuracy"].as_f64(), before);
                    rounds += 1;
                    json!({"accuracy": accuracies[rounds - 1], "model": format!("m{rounds}")})
                }
                "evaluate" => json!({"score": score}),
                "publish" => {
                    assert_eq!(input["model"], format!("m{rounds}"));
                    json!({})
                }
                _ => json!({"published": input["published"]}),
            })
        };
        let (chain, _) = Site::open().await.run(&body, work).await;
        assert_eq!(chain["status"], "COMPLETED", "{chain}");
        let statuses: Vec<_> = statuses(&chain).into_iter().map(|(_, status)| status).collect();
        assert_eq!(statuses, expected);
        assert_eq!(chain["steps"][1]["iteration"], rounds);
        let told = &chain["step_results"]["4"]["data"]["published"];
        assert_eq!(told, &json!(expected[3] == "COMPLETED"));
    }
}

#[actix_web::test]
async fn the_guide_converts_files() {
    let body = of_guide(include_str!("../../../../docs/guides/chains/files.json"));
    for (bad, ends) in [(vec!["c"], "COMPLETED"), (vec!["b", "c"], "FAILED")] {
        let work = |task: &Value| -> Done {
            let input = &task["input_data"];
            match task["step"].as_str().unwrap() {
                "list" => Ok(json!({"files": ["a", "b", "c", "d"]})),
                "convert" => {
                    let path = input["path"].as_str().unwrap();
                    let name = path.strip_prefix("/archive/").unwrap();
                    if bad.contains(&name) {
                        return Err("unreadable");
                    }
                    Ok(json!(format!("{} {name}", input["number"])))
                }
                _ => Ok(json!({"packed": input["images"]})),
            }
        };
        let (chain, tasks) = Site::open().await.run(&body, work).await;
        assert_eq!(chain["status"], ends, "{chain}");
        let convert = &chain["steps"][1];
        assert_eq!(convert["items"]["total"], 4);
        assert_eq!(convert["items"]["failed"], bad.len());
        if ends == "FAILED" {
            continue;
        }
        assert_eq!((&convert["items"]["completed"], tasks.len()), (&json!(3), 6));
        assert_eq!(
            chain["step_results"]["1"]["data"],
            json!(["1 a", "2 b", null, "4 d"])
        );
        assert_eq!(
            chain["step_results"]["2"]["data"],
            json!({"packed": ["1 a", "2 b", "4 d"]})
        );
    }
}

#[actix_web::test]
async fn the_guide_pays_what_was_approved() {
    let body = of_guide(include_str!("../../../../docs/guides/chains/approval.json"));
    for (amount, known, approved, expected) in [
        (
            400,
            true,
            false,
            ["COMPLETED", "COMPLETED", "SKIPPED", "COMPLETED", "SKIPPED"],
        ),
        (
            1800,
            true,
            true,
            ["COMPLETED", "SKIPPED", "COMPLETED", "COMPLETED", "SKIPPED"],
        ),
        (
            400,
            false,
            false,
            ["COMPLETED", "SKIPPED", "COMPLETED", "SKIPPED", "COMPLETED"],
        ),
    ] {
        let mut body = body.clone();
        body["input"]["amount"] = json!(amount);
        let work = |task: &Value| -> Done {
            let input = &task["input_data"];
            Ok(match task["step"].as_str().unwrap() {
                "check" => json!({"known_supplier": known}),
                "manager" => {
                    assert_eq!(input["question"], format!("Pay {amount} for invoice 4711?"));
                    json!({"approved": approved})
                }
                "pay" => json!({"paid": input["amount"]}),
                _ => json!({}),
            })
        };
        let (chain, _) = Site::open().await.run(&body, work).await;
        assert_eq!(chain["status"], "COMPLETED", "{chain}");
        let statuses: Vec<_> = statuses(&chain).into_iter().map(|(_, status)| status).collect();
        assert_eq!(statuses, expected, "{amount}");
    }
}

#[actix_web::test]
async fn the_guide_undoes_what_cannot_be_paid() {
    let body = of_guide(include_str!("../../../../docs/guides/chains/saga.json"));
    for (fails, ends, expected) in [
        (
            "",
            "COMPLETED",
            vec!["book flight", "book hotel", "charge charge"],
        ),
        (
            "charge",
            "FAILED",
            vec![
                "book flight",
                "book hotel",
                "charge charge",
                "cancel hotel",
                "cancel flight",
            ],
        ),
        (
            "hotel",
            "FAILED",
            vec!["book flight", "book hotel", "cancel flight"],
        ),
    ] {
        let work = |task: &Value| -> Done {
            let (input, step) = (&task["input_data"], task["step"].as_str().unwrap());
            match task["task_type"].as_str().unwrap() {
                "cancel" => {
                    assert_eq!(input["booking"], format!("{step} to Rome"));
                    assert_eq!(input["previous_output"]["booking"], input["booking"]);
                    Ok(json!({}))
                }
                _ if step == fails => Err("no"),
                "charge" => {
                    assert_eq!(input, &json!({"from": "Ada", "amount": 300}));
                    Ok(json!({}))
                }
                _ => Ok(
                    json!({"booking": format!("{step} to {}", input["to"].as_str().unwrap()), "price": 150}),
                ),
            }
        };
        let (chain, tasks) = Site::open().await.run(&body, work).await;
        assert_eq!(chain["status"], ends, "{chain}");
        let done = tasks.iter().map(|task| {
            let (what, step) = (
                task["task_type"].as_str().unwrap(),
                task["step"].as_str().unwrap(),
            );
            format!("{what} {step}")
        });
        assert_eq!(done.collect::<Vec<_>>(), expected);
        let undone = expected.contains(&"cancel flight");
        let compensation = if undone {
            json!({"status": "COMPLETED"})
        } else {
            Value::Null
        };
        assert_eq!(chain["steps"][0]["compensation"], compensation);
        assert_eq!(chain["steps"][0]["status"], "COMPLETED");
    }
}

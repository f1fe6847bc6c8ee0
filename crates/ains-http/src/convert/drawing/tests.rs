use ains_core::dependency::Edge;
use ains_core::task::TaskSpec;
use ains_core::{Name, Status, StepStatus, TaskId, Timestamp};

use super::*;

fn id(number: u32) -> TaskId {
    format!("task_{number:032x}").parse().unwrap()
}

fn task(number: u32, name: Option<&str>, status: Status) -> Task {
    let name = name.map(|name| name.parse::<Name>().unwrap());
    let spec = TaskSpec {
        name,
        ..TaskSpec::new("c".parse().unwrap(), "job".parse().unwrap(), "x".parse().unwrap())
    };
    Task {
        status,
        ..Task::submitted(id(number), spec, Timestamp::from_micros(0))
    }
}

fn edge(on: u32, task: u32, when: Condition) -> Edge<TaskId> {
    Edge {
        on: id(on),
        task: id(task),
        when,
    }
}

/// `b` waits for `a`, which has ended, and a task without a name for the failure of `b`.
fn view() -> GraphView {
    GraphView {
        root: id(2),
        nodes: vec![
            task(2, Some("b"), Status::Active),
            task(1, Some("a"), Status::Completed),
            task(3, None, Status::Pending),
        ],
        edges: vec![
            (edge(1, 2, Condition::Success), true),
            (edge(2, 3, Condition::Failure), false),
        ],
        truncated: true,
    }
}

fn dot(view: &GraphView) -> String {
    Picture::of_tasks(view).drawn_in(Language::Dot)
}

fn mermaid(view: &GraphView) -> String {
    Picture::of_tasks(view).drawn_in(Language::Mermaid)
}

#[test]
fn graphviz_gets_a_line_for_each_task_and_edge() {
    let drawn = dot(&view());
    let expected = [
        "digraph tasks {",
        "  // Cut: there are more tasks than these.",
        "  rankdir=LR;",
        r#"  node [shape=box, style="rounded,filled"];"#,
        r##"  task_00000000000000000000000000000002 [label="b\nACTIVE", fillcolor="#bbdefb", penwidth=3];"##,
        r##"  task_00000000000000000000000000000001 [label="a\nCOMPLETED", fillcolor="#c8e6c9", penwidth=1];"##,
        r##"  task_00000000000000000000000000000003 [label="job\nPENDING", fillcolor="#eceff1", penwidth=1];"##,
        "  task_00000000000000000000000000000001 -> task_00000000000000000000000000000002 [label=\"\", style=solid];",
        "  task_00000000000000000000000000000002 -> task_00000000000000000000000000000003 [label=\"failure\", style=dashed];",
        "}\n",
    ];
    assert_eq!(drawn, expected.join("\n"));
}

#[test]
fn mermaid_gets_a_line_for_each_task_and_edge() {
    let drawn = mermaid(&view());
    let expected = [
        "flowchart LR",
        "  %% Cut: there are more tasks than these.",
        r#"  n0["b<br/>ACTIVE"]:::ACTIVE"#,
        r#"  n1["a<br/>COMPLETED"]:::COMPLETED"#,
        r#"  n2["job<br/>PENDING"]:::PENDING"#,
        "  n1 --> n0",
        "  n0 -.->|failure| n2",
        "  classDef PENDING fill:#eceff1",
        "  classDef ACTIVE fill:#bbdefb",
        "  classDef COMPLETED fill:#c8e6c9",
        "  style n0 stroke-width:3px\n",
    ];
    assert_eq!(drawn, expected.join("\n"));
}

#[test]
fn every_status_has_a_colour() {
    let of_tasks = Status::ALL.iter().map(|status| status.as_str());
    let of_steps = StepStatus::ALL.iter().map(|status| status.as_str());
    for status in of_tasks.chain(of_steps) {
        assert!(colour(status).starts_with('#'), "{status}");
    }
}

#[test]
fn a_whole_graph_does_not_say_that_it_is_cut() {
    let whole = GraphView {
        truncated: false,
        ..view()
    };
    for drawn in [dot(&whole), mermaid(&whole)] {
        assert!(!drawn.contains("Cut"), "{drawn}");
    }
}

/// Names that would be something else, and how they stand in the quotes of Graphviz.
const NASTY: [(&str, &str); 9] = [
    (r#"" -> x; ""#, r#"\" -> x; \""#),
    (r"a\", r"a\\"),
    (r#"\""#, r#"\\\""#),
    (r"\n\G\N", r"\\n\\G\\N"),
    ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
    ("<b>x</b>", "<b>x</b>"),
    ("a]:::done", "a]:::done"),
    ("%%{init: {'theme': 'dark'}}%%", "%%{init: {'theme': 'dark'}}%%"),
    ("// x", "// x"),
];

#[test]
fn no_name_leaves_its_label_in_graphviz() {
    for (name, quoted) in NASTY {
        assert_eq!(InDot(name).to_string(), quoted);
        let view = GraphView {
            nodes: vec![task(2, Some(name), Status::Failed)],
            edges: Vec::new(),
            ..view()
        };
        assert_eq!(dot(&view).lines().count(), 6, "{name}");
    }
}

#[test]
fn no_name_leaves_its_label_in_mermaid() {
    for (name, quoted) in [
        ("a \"b\" `c`", "a #34;b#34; #96;c#96;"),
        ("#quot;", "#35;quot#59;"),
        ("<br/>&amp;", "#60;br#47;#62;#38;amp#59;"),
        (r"\n", "#92;#8203;n"),
        ("$$x$$", "#36;#8203;#36;#8203;x#36;#8203;#36;#8203;"),
        ("%%{init}%%", "#37;#37;#123;init#125;#37;#37;"),
        ("text:v1", "text#58;#8203;v1"),
        ("grün_ü-1.5 漢", "grün_ü-1.5 漢"),
        ("\u{1f980}\u{2028}", "#129408;#8232;"),
    ] {
        assert_eq!(InMermaid(name).to_string(), quoted);
    }
    for (name, _) in NASTY {
        let quoted = InMermaid(name).to_string();
        let meant = quoted.contains(['"', '<', '>', '&', '%', '\\', '`', '[', ']', '{', '}', ':']);
        assert!(!meant, "{quoted}");
    }
}

//! The directory against a model that looks at every agent for every question.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use ains_core::directory::{Card, Directory, Offer, Search, SortBy, Viewer};
use ains_core::{AgentId, ClientId, TrustScore};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Event {
    Put(Card, Option<Vec<Offer>>),
    Remove(AgentId),
    Look(Search),
    Lead(Viewer, usize, i64),
}

/// What is known of every agent, in order of id.
#[derive(Debug, Default)]
struct Model {
    agents: BTreeMap<AgentId, (Card, Vec<Offer>)>,
}

impl Model {
    /// Everyone by trust, then completed tasks, then id.
    fn by_rank(&self) -> Vec<&(Card, Vec<Offer>)> {
        let mut all: Vec<_> = self.agents.values().collect();
        all.sort_by(|(a, _), (b, _)| {
            let trust = b.trust.get().total_cmp(&a.trust.get());
            trust.then(b.completed.cmp(&a.completed)).then(a.id.cmp(&b.id))
        });
        all
    }

    fn leaders(&self, viewer: &Viewer, limit: usize, min: i64) -> Vec<AgentId> {
        let ranked = self.by_rank().into_iter();
        let enough = ranked.filter(|(card, _)| card.completed >= min && is_seen(card, viewer));
        enough.take(limit).map(|(card, _)| card.id.clone()).collect()
    }

    fn search(&self, search: &Search) -> (usize, Vec<AgentId>) {
        let wanted = search.capability.as_ref().map(|text| text.to_lowercase());
        let wants_offer = wanted.is_some() || search.max_price.is_some() || search.max_latency_ms.is_some();
        let mut found: Vec<(f64, AgentId)> = Vec::new();
        for (card, offers) in self.by_rank() {
            let fits = |offer: &&Offer| {
                wanted
                    .as_ref()
                    .is_none_or(|part| offer.name.as_str().to_lowercase().contains(&**part))
                    && search.max_price.is_none_or(|most| offer.price <= most)
                    && search
                        .max_latency_ms
                        .is_none_or(|most| offer.latency_p99_ms <= most)
            };
            let fitting: Vec<&Offer> = offers.iter().filter(fits).collect();
            let has_tag = |tag: &String| {
                card.tags
                    .iter()
                    .any(|own| own.as_str().to_lowercase() == tag.to_lowercase())
            };
            if !card.present
                || !is_seen(card, &search.viewer)
                || card.trust < search.min_trust
                || (wants_offer && fitting.is_empty())
                || !(search.tags.is_empty() || search.tags.iter().any(has_tag))
            {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let figure = |offer: &&Offer| match search.sort {
                SortBy::Trust => 0.0,
                SortBy::Price => offer.price,
                SortBy::Latency => offer.latency_p99_ms as f64,
            };
            let best = fitting.iter().map(figure).fold(f64::INFINITY, f64::min);
            let first = if search.sort == SortBy::Trust { 0.0 } else { best };
            found.push((first, card.id.clone()));
        }
        // Those that are alike stay in order of rank.
        found.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let page = found.iter().skip(search.offset).take(search.limit);
        (found.len(), page.map(|(_, id)| id.clone()).collect())
    }
}

/// Own and shared ones are seen, unless everything is.
fn is_seen(card: &Card, viewer: &Viewer) -> bool {
    match (&card.reserved_for, viewer) {
        (None, _) | (_, Viewer::Everything) => true,
        (Some(owner), Viewer::Client(viewer)) => owner == viewer,
        (Some(_), Viewer::Nobody) => false,
    }
}

const NAMES: [&str; 6] = ["text:sum", "Text:Translate", "image:v1", "SUM", "ärger", "a"];
const TAGS: [&str; 4] = ["fast", "Cheap", "gpu", "Ä"];

fn id() -> impl Strategy<Value = AgentId> {
    (0..12_u8).prop_map(|n| format!("a{n}").parse().unwrap())
}

fn client() -> impl Strategy<Value = Option<ClientId>> {
    proptest::option::of((0..3_u8).prop_map(|n| format!("c{n}").parse().unwrap()))
}

fn viewer() -> impl Strategy<Value = Viewer> {
    (any::<bool>(), client()).prop_map(|(all, client)| match client {
        Some(client) => Viewer::Client(client),
        None if all => Viewer::Everything,
        None => Viewer::Nobody,
    })
}

fn trust() -> impl Strategy<Value = TrustScore> {
    prop_oneof![
        (0..=20_u32).prop_map(|twentieth| f64::from(twentieth) / 20.0),
        0.0..=1.0
    ]
    .prop_map(TrustScore::clamped)
}

fn offer() -> impl Strategy<Value = Offer> {
    let price = prop_oneof![Just(0.0), Just(0.5), Just(2.0), 0.0..10.0];
    (0..NAMES.len(), price, 0..5_i64).prop_map(|(name, price, latency)| Offer {
        name: NAMES[name].parse().unwrap(),
        price,
        latency_p99_ms: latency * 100,
    })
}

fn card() -> impl Strategy<Value = Card> {
    let tags = proptest::sample::subsequence(TAGS.to_vec(), 0..=2);
    (id(), client(), trust(), 0..4_i64, prop::bool::weighted(0.8), tags).prop_map(
        |(id, reserved_for, trust, completed, present, tags)| Card {
            display_name: id.to_string().to_uppercase(),
            id,
            reserved_for,
            trust,
            completed,
            failed: 0,
            present,
            tags: tags.into_iter().map(|tag| tag.parse().unwrap()).collect(),
        },
    )
}

fn search() -> impl Strategy<Value = Search> {
    let part = prop_oneof![
        Just("sum"),
        Just("TEXT"),
        Just("t"),
        Just("Ä"),
        Just("none"),
        Just("")
    ];
    let tags = proptest::sample::subsequence(vec!["FAST", "cheap", "gpu", "ä", "none"], 0..=2);
    let sort = prop_oneof![Just(SortBy::Trust), Just(SortBy::Price), Just(SortBy::Latency)];
    let latency = proptest::option::weighted(0.3, (0..5_i64).prop_map(|hundreds| hundreds * 100));
    (
        (viewer(), proptest::option::of(part), tags, trust()),
        (proptest::option::weighted(0.3, 0.0..3.0), latency, sort),
        (0..6_usize, prop_oneof![0..8_usize, Just(usize::MAX)]),
    )
        .prop_map(
            |((viewer, part, tags, trust), (max_price, max_latency_ms, sort), (limit, offset))| Search {
                viewer,
                capability: part.map(str::to_owned),
                tags: tags.into_iter().map(str::to_owned).collect(),
                min_trust: if trust.get() > 0.7 {
                    TrustScore::clamped(0.0)
                } else {
                    trust
                },
                max_price,
                max_latency_ms,
                sort,
                limit,
                offset,
            },
        )
}

fn event() -> impl Strategy<Value = Event> {
    let offers = proptest::option::weighted(0.6, prop::collection::vec(offer(), 0..4));
    prop_oneof![
        4 => (card(), offers).prop_map(|(card, offers)| Event::Put(card, offers)),
        1 => id().prop_map(Event::Remove),
        3 => search().prop_map(Event::Look),
        1 => (viewer(), 0..8_usize, 0..5_i64).prop_map(|(viewer, limit, min)| Event::Lead(viewer, limit, min)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_answer_is_that_of_a_search_through_all_agents(events in prop::collection::vec(event(), 1..120)) {
        let (mut directory, mut model) = (Directory::default(), Model::default());
        for event in events {
            match event {
                Event::Put(card, offers) => {
                    directory.put(card.clone(), offers.clone());
                    let before = model.agents.remove(&card.id).map(|(_, offers)| offers);
                    let offers = offers.or(before).unwrap_or_default();
                    let entry = directory.get(&card.id).expect("it was just put there");
                    prop_assert_eq!((&entry.card, &entry.offers), (&card, &offers));
                    model.agents.insert(card.id.clone(), (card, offers));
                }
                Event::Remove(id) => {
                    directory.remove(&id);
                    model.agents.remove(&id);
                    prop_assert!(directory.get(&id).is_none());
                }
                Event::Look(search) => {
                    let found = directory.search(&search);
                    let ids = found.entries.iter().map(|entry| entry.card.id.clone()).collect();
                    prop_assert_eq!((found.total, ids), model.search(&search), "{:?}", search);
                }
                Event::Lead(viewer, limit, min) => {
                    let leaders = directory.leaders(&viewer, limit, min);
                    let ids: Vec<AgentId> = leaders.into_iter().map(|card| card.id.clone()).collect();
                    prop_assert_eq!(ids, model.leaders(&viewer, limit, min));
                }
            }
            prop_assert_eq!((directory.len(), directory.is_empty()), (model.agents.len(), model.agents.is_empty()));
        }
    }
}

//! The page: what is in the file, that it can be read back, and that a long recording stays small.

mod fixture;

use serde_json::{Map, Value};
use stackheap_model::{
    BlockId, EventKind, RuntimeAddress, SourceFile, State, StepNumber, StopNumber, Value as Model,
    ValueKind,
};
use stackheap_report::html::{DEFAULT_LIMIT_BYTES, Page, PageData, PageHead, page};
use stackheap_report::{Comparison, Frames, Summary, json};

fn head<'a>(
    title: &'a str,
    sources: &'a [SourceFile],
    run: Option<(&'a Summary, &'a Comparison)>,
) -> PageHead<'a> {
    PageHead {
        title,
        sources,
        summary: run.map(|(summary, _)| summary),
        comparison: run.map(|(_, comparison)| comparison),
        notes: &[],
        limit_bytes: DEFAULT_LIMIT_BYTES,
    }
}

fn make(title: &str, source: &str, states: &[State]) -> String {
    let sources = fixture::sources(source);
    let (summary, comparison) = (fixture::run::summary(), fixture::run::comparison());
    let head = head(title, &sources, Some((&summary, &comparison)));
    page(&PageData { head, states })
}

/// Writes a page where a person (or a browser without a screen) can look at it.
fn keep(name: &str, page: &str) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(path, page).unwrap();
}

/// The data inside a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

/// Reads the states of a page back, as the script of the page does.
struct Reader {
    data: Value,
    channels: Vec<Vec<u64>>,
}

impl Reader {
    fn states(page: &str) -> Vec<Value> {
        let mut reader = Self {
            data: data(page),
            channels: Vec::new(),
        };
        let rows = reader.data["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| reader.object(row)).collect()
    }

    fn item(&self, index: u64) -> Value {
        let stored = &self.data["pool"]["items"][usize::try_from(index).unwrap()];
        let Some(parts) = stored.as_array() else {
            return stored.clone();
        };
        let members = parts[1..]
            .iter()
            .map(|part| self.item(part.as_u64().unwrap()));
        if parts[0] == -1 {
            return members.collect();
        }
        self.named(&parts[0], members.collect())
    }

    fn named(&self, shape: &Value, members: Vec<Value>) -> Value {
        let keys = self.data["pool"]["shapes"][usize::try_from(shape.as_u64().unwrap()).unwrap()]
            .as_array()
            .unwrap();
        assert_eq!(keys.len(), members.len());
        let named = keys
            .iter()
            .map(|key| key.as_str().unwrap().to_owned())
            .zip(members);
        Value::Object(named.collect::<Map<_, _>>())
    }

    fn object(&mut self, row: &Value) -> Value {
        let parts = row.as_array().unwrap().clone();
        let members = parts[1..].iter().map(|part| self.member(part)).collect();
        self.named(&parts[0], members)
    }

    fn member(&mut self, part: &Value) -> Value {
        let Some(parts) = part.as_array() else {
            return self.item(part.as_u64().unwrap());
        };
        if parts[0] == -1 {
            return parts[1..].iter().map(|row| self.object(row)).collect();
        }
        let numbers: Vec<usize> = parts[1..]
            .iter()
            .map(|n| usize::try_from(n.as_u64().unwrap()).unwrap())
            .collect();
        let [channel, front, back, middle @ ..] = numbers.as_slice() else {
            panic!("{part}");
        };
        while self.channels.len() <= *channel {
            self.channels.push(Vec::new());
        }
        let last = &self.channels[*channel];
        let mut list = last[..*front].to_vec();
        list.extend(middle.iter().map(|n| *n as u64));
        list.extend(&last[last.len() - back..]);
        self.channels[*channel] = list.clone();
        list.iter().map(|index| self.item(*index)).collect()
    }
}

/// Takes the words out that a page adds, and the output it stores elsewhere.
fn without_words(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for added in [
                "short_type",
                "words",
                "role_words",
                "stale",
                "label",
                "short",
                "output",
            ] {
                members.remove(added);
            }
            members.values_mut().for_each(without_words);
        }
        Value::Array(items) => items.iter_mut().for_each(without_words),
        _ => {}
    }
}

#[test]
fn what_a_page_holds_can_be_read_back() {
    let states = fixture::moves();
    let shown = make("moves", fixture::MOVES_SOURCE, &states);
    keep("moves.html", &shown);
    let read = Reader::states(&shown);
    assert_eq!(read.len(), states.len());
    for (mut read, state) in read.into_iter().zip(&states) {
        let mut wanted = json::state_with(state, Frames::User);
        let events = wanted["events"].as_array().unwrap().len();
        // Ownership that passed is told beside the events of the recording.
        let told = read["events"].as_array_mut().unwrap();
        assert_eq!(
            told.len(),
            events + usize::from(state.step == StepNumber(3))
        );
        told.truncate(events);
        let offsets = |value: &mut Value| {
            for edge in value["edges"].as_array_mut().unwrap() {
                for end in ["from", "to"] {
                    if edge[end].get("local").is_some() {
                        edge[end].as_object_mut().unwrap().remove("offset");
                    }
                }
            }
            for block in value["blocks"].as_array_mut().unwrap() {
                block.as_object_mut().unwrap().remove("as_of");
            }
            for frame in value["threads"][0]["frames"].as_array_mut().unwrap() {
                for bytes in frame["other_bytes"].as_array_mut().unwrap() {
                    bytes.as_object_mut().unwrap().remove("text");
                }
            }
        };
        for value in [&mut read, &mut wanted] {
            without_words(value);
            offsets(value);
        }
        assert_eq!(read, wanted, "step {}", state.step);
    }
}

#[test]
fn pages_load_nothing_and_show_text_as_text() {
    let pages = [
        ("zoo", make("zoo", fixture::ZOO_SOURCE, &[fixture::zoo()])),
        (
            "threads",
            make("threads", fixture::MOVES_SOURCE, &[fixture::threads()]),
        ),
        (
            "deep",
            make("deep", fixture::ZOO_SOURCE, &[fixture::deep(500)]),
        ),
        (
            "hostile",
            make(
                "<img onerror=alert(1)>",
                "// </script><script>alert(2)</script>\n",
                &[fixture::hostile()],
            ),
        ),
        ("empty", make("empty", "", &[])),
    ];
    for (name, page) in &pages {
        keep(&format!("{name}.html"), page);
        assert_eq!(page.matches("<script").count(), 2, "{name}");
        assert_eq!(page.matches("</script>").count(), 2, "{name}");
        assert!(!page.contains("<img"), "{name}");
        for loading in [
            "src=",
            "@import",
            "url(",
            "fetch(",
            "XMLHttpRequest",
            "<link",
            "innerHTML",
        ] {
            assert!(!page.contains(loading), "{loading} in {name}");
        }
        // The one address in the file names the namespace of SVG; nothing is asked of it.
        let addresses: Vec<_> = page
            .match_indices("http://")
            .map(|(at, _)| &page[at..at + 26])
            .collect();
        assert_eq!(addresses, ["http://www.w3.org/2000/svg"], "{name}");
        assert!(!page.contains("https://"), "{name}");
        assert!(
            page.contains("what the program had in its memory"),
            "{name}"
        );
    }
}

/// A step of a loop that pushes onto a `Vec` and prints, each step with an own value, event and output.
fn long(step: u64, steps: u64) -> State {
    let mut state = fixture::zoo();
    state.steps = steps;
    state.step = StepNumber(step);
    state.stop = StopNumber(step * 2);
    let text: Vec<_> = (step.saturating_sub(40)..step)
        .map(|n| n.to_string())
        .collect();
    let text = format!("[{}]", text.join(", "));
    let main = &mut state.threads[0].frames[2];
    main.locals[1].value = Some(Model::text(ValueKind::Sequence, text.clone()).into());
    main.locals[6].value = Some(Model::text(ValueKind::Number, step.to_string()).into());
    for block in &mut state.blocks {
        block.as_of = Some(StepNumber(step));
    }
    for id in 100..120 {
        let address = fixture::HEAP + 0x1_0000 + id * 32;
        let block = fixture::block(
            id,
            address,
            24,
            "i32",
            Model::text(ValueKind::Number, id.to_string()),
        );
        state
            .blocks
            .push(fixture::owned_by(block, 7, "names", "buf"));
    }
    std::sync::Arc::make_mut(&mut state.blocks[0].value).text = Ok(text.into());
    state.blocks[0].bytes = vec![u8::try_from(step % 251).unwrap(); 4096];
    state.events = vec![fixture::event(
        EventKind::Realloc {
            block: BlockId(1),
            old_address: RuntimeAddress(fixture::HEAP),
            address: RuntimeAddress(fixture::HEAP + step),
            old_bytes: step,
            bytes: step + 1,
        },
        step,
        14,
    )];
    state.output.stdout = "a line of output\n"
        .repeat(usize::try_from(step).unwrap())
        .into_bytes();
    state
}

#[test]
fn a_long_recording_stays_small() {
    let sources = fixture::sources(fixture::ZOO_SOURCE);
    let mut page = Page::new(head("long", &sources, None));
    for step in 1..=2000 {
        page.add(&long(step, 2000));
    }
    let page = page.finish();
    keep("long.html", &page);
    assert!(page.len() < 4 << 20, "{} bytes", page.len());
    let rows = data(&page)["rows"].as_array().unwrap().len();
    assert_eq!(rows, 2000);
}

#[test]
fn a_limit_that_is_reached_is_told() {
    let states: Vec<_> = (1..=50).map(|step| long(step, 50)).collect();
    let sources = fixture::sources(fixture::ZOO_SOURCE);
    let mut shown = Page::new(PageHead {
        limit_bytes: 60_000,
        ..head("limited", &sources, None)
    });
    for state in &states {
        shown.add(state);
    }
    let shown = shown.finish();
    let rows = data(&shown)["rows"].as_array().unwrap().len();
    assert!((1..50).contains(&rows), "{rows} rows");
    let notes = data(&shown)["head"]["notes"].clone();
    let told = format!(
        "{} later steps are not in this page: it holds at most 58.6 KiB.",
        50 - rows
    );
    assert_eq!(notes[0], told);
    // The same without the states that it has no room for.
    let mut short = Page::new(PageHead {
        limit_bytes: 60_000,
        ..head("limited", &sources, None)
    });
    let mut wanted = states.iter();
    while !short.is_full() {
        short.add(wanted.next().unwrap());
    }
    short.leave_out(wanted.len() as u64);
    assert_eq!(short.finish(), shown);
}

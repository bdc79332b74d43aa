//! The picture: well formed, self-contained, with every pointer in it.

mod fixture;

use stackheap_report::svg;

fn keep(name: &str, svg: &str) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(path, svg).unwrap();
}

/// Checks that tags nest and that no markup came from the program. Enough of XML for what is made
/// here: no comments, no CDATA, no processing instructions.
fn check_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some((text, tag)) = rest.split_once('<') {
        assert!(
            !text.contains('>') || open.last() == Some(&"style"),
            "stray '>' in {text:?}"
        );
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        let name = tag
            .trim_start_matches('/')
            .split([' ', '\n'])
            .next()
            .unwrap()
            .trim_end_matches('/');
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "tags nest");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = after;
    }
    assert!(open.is_empty(), "{open:?} are never closed");
}

#[test]
fn pictures_are_well_formed_and_load_nothing() {
    let states = [
        ("moves", fixture::moves().remove(3), fixture::MOVES_SOURCE),
        ("zoo", fixture::zoo(), fixture::ZOO_SOURCE),
        ("threads", fixture::threads(), fixture::MOVES_SOURCE),
        ("deep", fixture::deep(500), fixture::ZOO_SOURCE),
        ("hostile", fixture::hostile(), "fn main() {}\n"),
    ];
    for (name, state, source) in states {
        let picture = svg::state(&state, &fixture::sources(source));
        keep(&format!("{name}.svg"), &picture);
        check_well_formed(&picture);
        for loading in ["href", "url(http", "<script", "<image", "@import"] {
            assert!(!picture.contains(loading), "{loading} in {name}");
        }
        assert_eq!(
            picture.matches("xmlns=\"http").count(),
            picture.matches("http").count()
        );
        for c in picture.chars() {
            assert!(c == '\n' || !c.is_control(), "{c:?} in {name}");
        }
    }
}

#[test]
fn a_move_and_a_borrow_are_drawn() {
    let picture = svg::state(
        &fixture::moves()[3],
        &fixture::sources(fixture::MOVES_SOURCE),
    );
    insta::assert_snapshot!(picture);
}

#[test]
fn every_pointer_with_a_place_is_drawn() {
    let state = fixture::zoo();
    let picture = svg::state(&state, &[]);
    // Three of the pointers lead to code, a vtable and foreign memory, which have no box.
    let drawn = picture.matches("class=\"e ").count() - picture.matches("class=\"e core\"").count();
    assert_eq!(drawn, state.edges.len() - 3);
}

//! What is a statement, of which kind, and how far it reaches: one literal a construct.

use std::fmt::Write as _;

use stackheap_model::{StatementKind, TextPosition, TextRange};
use stackheap_source::{BindingKind, BodyKind, NESTING_LIMIT, Outline, ProblemKind, outline};

/// The text of a range, a `|` for each line break.
fn text_of(text: &str, range: TextRange) -> String {
    let mut found = String::new();
    for (index, line) in text.split('\n').enumerate() {
        let number = u32::try_from(index + 1).unwrap();
        if number < range.start.line || number > range.end.line {
            continue;
        }
        let from = if number == range.start.line {
            range.start.column as usize - 1
        } else {
            0
        };
        let to = if number == range.end.line {
            range.end.column as usize - 1
        } else {
            line.len()
        };
        let separator = if number == range.start.line { "" } else { "|" };
        write!(found, "{separator}{}", &line[from..to]).unwrap();
    }
    found
}

fn outlined(text: &str) -> Outline {
    let (outline, problems) = outline(text);
    assert!(problems.is_empty(), "{problems:?}");
    outline
}

fn listing(text: &str, outline: &Outline) -> Vec<String> {
    let line = |statement: &stackheap_source::OutlinedStatement| {
        format!("{:?} {}", statement.kind, text_of(text, statement.range))
    };
    outline.statements.iter().map(line).collect()
}

/// Checks the statements of `text`, but the heads and closing braces of functions named `f`.
#[track_caller]
fn check(body: &str, expected: &[&str]) {
    let text = format!("fn f() {{\n{body}\n}}");
    let found = listing(&text, &outlined(&text));
    let inner = &found[1..found.len() - 1];
    assert_eq!(inner, expected);
}

#[test]
fn plain_statements() {
    check("let x = 1;", &["Let let x = 1;"]);
    check("let x;", &["Let let x;"]);
    check("g(1); x", &["Expression g(1);", "Tail x"]);
    check(
        "x = 1; return x;",
        &["Expression x = 1;", "Expression return x;"],
    );
    check("let x: i32 =\n  g()?;", &["Let let x: i32 =|  g()?;"]);
}

#[test]
fn attributes_and_comments_are_no_part_of_a_statement() {
    check(
        "#[allow(unused)]\n// why\nlet x = 1; // x",
        &["Let let x = 1;"],
    );
    check("#[a] #[b(c)] g();", &["Expression g();"]);
    check("#[cfg(x)] m!();", &["Expression m!();"]);
    check(
        "match x { #[cfg(y)] A => 1, }",
        &["Condition match x", "MatchArm A", "Tail 1", "ScopeEnd }"],
    );
    let text = "/// Doc.\n#[inline]\n/** more */\npub fn f() {}";
    assert_eq!(
        listing(text, &outlined(text)),
        ["Head pub fn f()", "ScopeEnd }"]
    );
}

#[test]
fn conditions_are_statements_of_their_own_and_so_is_what_they_choose() {
    check(
        "let x = if c { a } else { b };",
        &[
            "Let let x = if c",
            "Condition if c",
            "Tail a",
            "ScopeEnd }",
            "Tail b",
            "ScopeEnd }",
        ],
    );
    check(
        "if a { g(); } else if let Some(x) = h() && x > 1 { 2 }",
        &[
            "Condition if a",
            "Expression g();",
            "ScopeEnd }",
            "Condition if let Some(x) = h() && x > 1",
            "Tail 2",
            "ScopeEnd }",
        ],
    );
    check(
        "let Some(x) = v else { return };",
        &["Let let Some(x) = v else", "Tail return", "ScopeEnd }"],
    );
}

#[test]
fn arms_are_statements_and_so_are_their_values() {
    check(
        "match g(x) { Some(n) if n > 1 => n, None => { h() } _ => if y { 1 } else { 2 } }",
        &[
            "Condition match g(x)",
            "MatchArm Some(n) if n > 1",
            "Tail n",
            "MatchArm None",
            "Tail h()",
            "ScopeEnd }",
            "MatchArm _",
            "Condition if y",
            "Tail 1",
            "ScopeEnd }",
            "Tail 2",
            "ScopeEnd }",
            "ScopeEnd }",
        ],
    );
}

#[test]
fn loops() {
    check(
        "'a: for (i, x) in v.iter().enumerate() { continue 'a; }",
        &[
            "LoopHead 'a: for (i, x) in v.iter().enumerate()",
            "Expression continue 'a;",
            "ScopeEnd }",
        ],
    );
    check(
        "while let Some(x) = v.pop() {}",
        &["LoopHead while let Some(x) = v.pop()", "ScopeEnd }"],
    );
    check(
        "let x = loop { break 1; };",
        &["Let let x = loop", "Expression break 1;", "ScopeEnd }"],
    );
    check("loop { g() }", &["Tail loop", "Tail g()", "ScopeEnd }"]);
}

#[test]
fn blocks() {
    check(
        "let y = { g() };",
        &["Let let y =", "Tail g()", "ScopeEnd }"],
    );
    check(
        "{ g(); } unsafe { h() }",
        &[
            "Expression {",
            "Expression g();",
            "ScopeEnd }",
            "Tail unsafe",
            "Tail h()",
            "ScopeEnd }",
        ],
    );
    check(
        "let a = async move { g().await; };",
        &[
            "Let let a = async move",
            "Head async move",
            "Expression g().await;",
            "ScopeEnd }",
        ],
    );
}

#[test]
fn closures() {
    check(
        "v.iter().for_each(|x| { g(x); });",
        &[
            "Expression v.iter().for_each(|x|",
            "Head |x|",
            "Expression g(x);",
            "ScopeEnd }",
        ],
    );
    check(
        "v.map(|x| x + 1).sum()",
        &["Tail v.map(|x| x + 1).sum()", "Head |x|", "Tail x + 1"],
    );
    check(
        "move |a: u8| -> u8 { a }",
        &[
            "Tail move |a: u8| -> u8",
            "Head move |a: u8| -> u8",
            "Tail a",
            "ScopeEnd }",
        ],
    );
}

#[test]
fn macros_are_one_statement() {
    check(
        r#"println!("{}", { 1 });"#,
        &[r#"Expression println!("{}", { 1 });"#],
    );
    check("let v = vec![{ 1 }, 2];", &["Let let v = vec![{ 1 }, 2];"]);
    check("m! { a; b }", &["Tail m! { a; b }"]);
    check("m! { a }\ng()", &["Expression m! { a }", "Tail g()"]);
}

#[test]
fn text_of_macros_is_lines() {
    let text = "macro_rules! m {\n    () => {\n        // comment\n        f(); // c\n    };\n}";
    let expected = [
        "Line macro_rules! m {",
        "Line () => {",
        "Line f();",
        "Line };",
        "Line }",
    ];
    assert_eq!(listing(text, &outlined(text)), expected);
    let text = "thread_local! {\n    static A: u8 = 1;\n}";
    let expected = ["Line thread_local! {", "Line static A: u8 = 1;", "Line }"];
    assert_eq!(listing(text, &outlined(text)), expected);
}

#[test]
fn constants_have_no_steps_but_closures_in_them_do() {
    let text = "const A: u8 = { let x = 1; x };\nstatic F: fn(u8) -> u8 = |x| x + 1;\nfn f() { const B: u8 = if A > 1 { 2 } else { 3 }; let a = [0; { 4 }]; const { g() } }";
    let expected = [
        "Head |x|",
        "Tail x + 1",
        "Head fn f()",
        "Let let a = [0; { 4 }];",
        "Tail const { g() }",
        "ScopeEnd }",
    ];
    assert_eq!(listing(text, &outlined(text)), expected);
}

#[test]
fn items_in_functions_and_modules() {
    let text = "mod m { impl T { fn g(&self) {} } trait U { fn a(); fn b() {} } }\nfn f() { fn h() {} struct S; h() }";
    let expected = [
        "Head fn g(&self)",
        "ScopeEnd }",
        "Head fn b()",
        "ScopeEnd }",
        "Head fn f()",
        "Head fn h()",
        "ScopeEnd }",
        "Tail h()",
        "ScopeEnd }",
    ];
    let outline = outlined(text);
    assert_eq!(listing(text, &outline), expected);
    let names: Vec<_> = outline
        .functions
        .iter()
        .filter_map(|body| body.name.as_deref())
        .collect();
    assert_eq!(names, ["g", "b", "f", "h"]);
}

#[test]
fn columns_count_bytes_and_a_byte_order_mark_does_not_count() {
    for start in ["", "\u{feff}"] {
        let text = format!("{start}fn é() {{ let ü = \"ß\"; g(); }}");
        let outline = outlined(&text);
        let columns: Vec<_> = outline
            .statements
            .iter()
            .map(|s| (s.range.start.column, s.range.end.column))
            .collect();
        assert_eq!(columns, [(1, 8), (11, 25), (26, 30), (31, 32)]);
    }
}

#[test]
fn a_shebang_counts_and_line_ends_may_be_windows() {
    let text = "#!/usr/bin/env run\r\nfn f() {\r\n    g();\r\n}\r\n";
    let outline = outlined(text);
    let range = outline.statements[1].range;
    let expected = (
        TextPosition { line: 3, column: 5 },
        TextPosition { line: 3, column: 9 },
    );
    assert_eq!((range.start, range.end), expected);
}

#[test]
fn fragments_and_broken_items_keep_what_can_be_kept() {
    let outline = outlined("let x = 1;\ng(x)");
    let kinds: Vec<_> = outline.statements.iter().map(|s| s.kind).collect();
    assert_eq!(kinds, [StatementKind::Let, StatementKind::Tail]);

    let text = "fn a() { g(); }\nfn b( { h();\n i(); }\nfn c() { j() }";
    let (_, problems) = outline_of_unbalanced(text);
    assert!(matches!(problems[0].kind, ProblemKind::NotRust(_)));

    let text = "fn a() { g(); }\nfn b() { let = ;\n h(); }\nfn c() { j() }";
    let (outline, problems) = stackheap_source::outline(text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].at.unwrap().line, 2);
    let expected = [
        "Head fn a()",
        "Expression g();",
        "ScopeEnd }",
        "Line fn b() { let = ;",
        "Line h(); }",
        "Head fn c()",
        "Tail j()",
        "ScopeEnd }",
    ];
    assert_eq!(listing(text, &outline), expected);
}

fn outline_of_unbalanced(text: &str) -> (Outline, Vec<stackheap_source::Problem>) {
    let (outline, problems) = stackheap_source::outline(text);
    assert!(
        outline
            .statements
            .iter()
            .all(|s| s.kind == StatementKind::Line)
    );
    assert_eq!(outline.statements.len(), text.lines().count());
    (outline, problems)
}

#[test]
fn nothing_is_too_odd() {
    for text in [
        "", "\u{feff}", "#!", "#!x", "}", "'", "\"", "/*", "\0", "r#\"", "fn", "💥", "\r",
    ] {
        let (outline, _) = stackheap_source::outline(text);
        for line in 0..3 {
            for column in [0, 1, 2, u32::MAX] {
                let found = outline.statement_at(TextPosition { line, column });
                assert!(found.is_none_or(|index| index < outline.statements.len()));
            }
        }
    }
}

#[test]
fn deep_texts_within_the_limits_are_parsed() {
    let nested = |open: &str, close: &str, n: usize| {
        format!("fn f() {{ {}1{}; }}", open.repeat(n), close.repeat(n))
    };
    for text in [
        nested("!", "", 9_900),
        nested("1 +", "", 4_900),
        nested("", ".g()", 3_200),
        nested("f(|| ", ")", NESTING_LIMIT - 1),
        nested("{", "}", NESTING_LIMIT - 1),
        nested("if a { 1 } else ", "", 0),
        format!("fn f() {{ if a {{}} {} }}", "else if a {}".repeat(1_900)),
        format!(
            "fn f(a: {}u8{}) {{}}",
            "A<".repeat(3_200),
            ">".repeat(3_200)
        ),
    ] {
        let (outline, problems) = stackheap_source::outline(&text);
        assert!(problems.is_empty(), "{problems:?} in {}", &text[..40]);
        assert!(outline.statements.len() >= 2);
    }
}

#[test]
fn texts_over_the_limits_are_shown_by_line() {
    let kind = |text: &str| stackheap_source::outline(text).1.remove(0).kind;
    let deep = format!(
        "fn f() {{ {}1{}; }}",
        "(".repeat(200_000),
        ")".repeat(200_000)
    );
    assert_eq!(kind(&deep), ProblemKind::TooDeep(200_001));
    let long = format!("fn f() {{ {}1; }}", "!".repeat(200_000));
    assert!(matches!(kind(&long), ProblemKind::TooLong(tokens) if tokens > 200_000));
    // The operator behind a keyword does not begin a macro, whose input is not parsed.
    let hidden = format!("fn f() {{ if !({}1) {{}} }}", "!".repeat(200_000));
    assert!(matches!(kind(&hidden), ProblemKind::TooLong(tokens) if tokens > 200_000));
}

#[test]
fn names_are_found_with_their_scopes() {
    let text = "\
fn f(mut a: u8, (b, _): (u8, u8), self_: &Self) {
    let x;
    let (ref c, mut d) = g() else { return };
    if let Some(e) = h() && let E::F { f, g: r#in } = e { i(); }
    for j in k {}
    match l { None | Some(M) => {} n @ 1..=2 if n > 1 => o, Some(p) => q }
    v.map(|s| s);
}";
    let outline = outlined(text);
    let found: Vec<_> = outline
        .bindings
        .iter()
        .map(|b| {
            let scope = text_of(text, b.scope);
            let scope = if scope.len() > 30 {
                "...".to_owned()
            } else {
                scope
            };
            format!(
                "{}{} {:?} {} {scope}",
                if b.mutable { "mut " } else { "" },
                b.name,
                b.kind,
                b.initialised
            )
        })
        .collect();
    let expected = [
        "mut a Parameter true ...",
        "b Parameter true ...",
        "self_ Parameter true ...",
        "x Let false ...",
        "c Let true ...",
        "mut d Let true ...",
        "e Pattern true ...",
        "f Pattern true  { i(); }",
        "in Pattern true  { i(); }",
        "j For true {}",
        "n Pattern true if n > 1 => o",
        "p Pattern true q",
        "s Closure true s",
    ];
    assert_eq!(found, expected);
    let e = outline.bindings.iter().find(|b| b.name == "e").unwrap();
    assert_eq!(
        text_of(text, e.scope),
        " && let E::F { f, g: r#in } = e { i(); }"
    );
    let x = outline
        .bindings
        .iter()
        .find(|b| b.kind == BindingKind::Let)
        .unwrap();
    assert_eq!(
        (x.scope.start, x.scope.end.line),
        (
            TextPosition {
                line: 2,
                column: 11
            },
            8
        )
    );
}

#[test]
fn receivers_are_parameters() {
    let text = "impl T { fn a(&mut self) {} fn b(mut self: Box<Self>) {} }";
    let found: Vec<_> = outlined(text)
        .bindings
        .into_iter()
        .map(|b| (b.name, b.at.column, b.mutable))
        .collect();
    assert_eq!(
        found,
        [
            ("self".to_owned(), 20, false),
            ("self".to_owned(), 38, true)
        ]
    );
}

#[test]
fn marks_name_statements() {
    let text = "fn f() {\n    // <before> first\n    g(); // <here>\n    h(\n        1, \n    ); // <end>\n}";
    let outline = outlined(text);
    let named: Vec<_> = outline
        .marks
        .iter()
        .map(|mark| {
            let index = outline.marked_statement(mark).unwrap();
            (
                mark.name.as_str(),
                mark.line,
                mark.rest.as_str(),
                outline.statements[index].range.start.line,
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            ("before", 2, "first", 3),
            ("here", 3, "", 3),
            ("end", 6, "", 4)
        ]
    );
}

#[test]
fn rows_of_closures_and_bodies_find_their_statement() {
    let text = "fn f() {\n    let g = |x| x + 1;\n    h(|| { 1 }, 2);\n}";
    let outline = outlined(text);
    let at = |line, column| TextPosition { line, column };
    let found = |index: Option<usize>| {
        let statement = &outline.statements[index.unwrap()];
        format!("{:?} {}", statement.kind, text_of(text, statement.range))
    };
    // The closure is made by the `let`; in its own code the same position is its head.
    assert_eq!(
        found(outline.statement_at(at(2, 13))),
        "Let let g = |x| x + 1;"
    );
    let closure = outline
        .function_of([at(2, 0), at(2, 17), at(2, 22)])
        .unwrap();
    assert_eq!(outline.functions[closure].kind, BodyKind::Closure);
    assert_eq!(found(outline.statement_in(closure, at(2, 13))), "Head |x|");
    assert_eq!(found(outline.statement_in(closure, at(2, 0))), "Head |x|");
    // The return stands behind the body.
    assert_eq!(
        found(outline.statement_in(closure, at(2, 22))),
        "Tail x + 1"
    );
    assert_eq!(found(outline.statement_at(at(3, 15))), "ScopeEnd }");
    assert_eq!(found(outline.statement_at(at(3, 14))), "ScopeEnd }");
    assert_eq!(found(outline.statement_at(at(4, 2))), "ScopeEnd }");
    assert_eq!(found(outline.statement_at(at(1, 0))), "Head fn f()");
    assert_eq!(found(outline.statement_at(at(1, 8))), "Head fn f()");
    let whole = outline
        .function_of([at(1, 0), at(2, 13), at(4, 2)])
        .unwrap();
    assert_eq!(outline.functions[whole].name.as_deref(), Some("f"));
    assert_eq!(outline.statement_at(at(3, 1)), None);
    assert_eq!(outline.function_of([at(9, 9)]), None);
}

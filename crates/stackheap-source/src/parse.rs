use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use stackheap_model::TextPosition;
use syn::parse::Parser;
use syn::{Block, File};

use crate::lexer::Scan;
use crate::lines::Lines;
use crate::walk::{Found, Walker};
use crate::{CHAIN_LIMIT, NESTING_LIMIT, Problem, ProblemKind, TEXT_LIMIT};

/// The stack of the thread that parses. Pages that are not touched cost nothing. The test
/// `deep_texts_within_the_limits_are_parsed` needs less than a quarter of it without optimisation.
const STACK_BYTES: usize = 256 << 20;

/// How many items of one text are reported as not being Rust.
const PROBLEM_LIMIT: usize = 100;

/// Parses `text`, on a thread of its own, and walks the syntax tree.
pub(crate) fn parse(text: &str, scan: &Scan, lines: &Lines) -> (Found, Vec<Problem>) {
    if let Some(kind) = over_limit(text, scan) {
        return line_by_line(text, scan, lines, Problem { kind, at: None });
    }
    let result = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("outline".to_owned());
        let thread = builder
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || parse_here(text, scan, lines))
            .map_err(|error| error.to_string())?;
        thread.join().map_err(|_| "the parser gave up".to_owned())
    });
    result.unwrap_or_else(|message| {
        let problem = Problem {
            kind: ProblemKind::NoThread(message),
            at: None,
        };
        line_by_line(text, scan, lines, problem)
    })
}

fn over_limit(text: &str, scan: &Scan) -> Option<ProblemKind> {
    if text.len() > TEXT_LIMIT {
        Some(ProblemKind::TooLarge(text.len()))
    } else if scan.nesting > NESTING_LIMIT {
        Some(ProblemKind::TooDeep(scan.nesting))
    } else if scan.chain > CHAIN_LIMIT {
        Some(ProblemKind::TooLong(scan.chain))
    } else {
        None
    }
}

fn line_by_line(text: &str, scan: &Scan, lines: &Lines, problem: Problem) -> (Found, Vec<Problem>) {
    let mut walker = Walker::new(text, scan, lines, 0);
    walker.lines_of(0..text.len());
    (walker.finish(), vec![problem])
}

fn parse_here(text: &str, scan: &Scan, lines: &Lines) -> (Found, Vec<Problem>) {
    let start = shebang_length(text);
    let tokens = match TokenStream::from_str(text.get(start..).unwrap_or("")) {
        Ok(tokens) => tokens,
        Err(error) => {
            let at = lines.position(start + error.span().byte_range().start);
            return line_by_line(text, scan, lines, not_rust(&error.to_string(), at));
        }
    };
    let mut walker = Walker::new(text, scan, lines, start);
    let error = match syn::parse2::<File>(tokens.clone()) {
        Ok(file) => {
            walker.file(&file);
            return (walker.finish(), Vec::new());
        }
        Err(error) => error,
    };
    if let Ok(statements) = Block::parse_within.parse2(tokens.clone()) {
        walker.fragment(&statements);
        return (walker.finish(), Vec::new());
    }
    let at = lines.position(start + error.span().byte_range().start);
    let mut problems = Vec::new();
    for item in items(tokens) {
        match syn::parse2::<File>(item.clone()) {
            Ok(file) => walker.file(&file),
            Err(error) => {
                let range = walker.tokens_range(&item);
                let at = lines.position(start + error.span().byte_range().start);
                problems.push(not_rust(&error.to_string(), at));
                walker.lines_of(range);
            }
        }
    }
    problems.truncate(PROBLEM_LIMIT);
    if problems.is_empty() {
        problems.push(not_rust(&error.to_string(), at));
    }
    (walker.finish(), problems)
}

fn not_rust(message: &str, at: TextPosition) -> Problem {
    Problem {
        kind: ProblemKind::NotRust(message.to_owned()),
        at: Some(at),
    }
}

/// The length of the line `#!/usr/bin/env ...` at the start. `#![...]` is an attribute.
fn shebang_length(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("#!") else {
        return 0;
    };
    if rest.trim_start().starts_with('[') {
        0
    } else {
        text.find('\n').unwrap_or(text.len())
    }
}

/// Splits a token stream where items seem to end: behind `;` and behind braces that no `;` follows.
fn items(tokens: TokenStream) -> Vec<TokenStream> {
    let mut items = Vec::new();
    let mut item: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let braces =
            matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        let ends = is_semicolon(&token) || braces && !tokens.peek().is_some_and(is_semicolon);
        item.push(token);
        if ends {
            items.push(item.drain(..).collect());
        }
    }
    if !item.is_empty() {
        items.push(item.into_iter().collect());
    }
    items
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';')
}

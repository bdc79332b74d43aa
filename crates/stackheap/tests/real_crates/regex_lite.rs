//! Drives `regex-lite`: patterns that are right and wrong, searches, captures and replacements.
//! A line `name = value` of the output is a witness for the local of that name.

use regex_lite::{Captures, Regex};

fn captures() {
    let date = Regex::new("(?<year>[0-9]+)-([a-c]?)").unwrap();
    for found in date.captures_iter("in 24-b") {
        let year: u32 = found["year"].parse().unwrap();
        println!("year = {year:?}");
        let letter = &found[2];
        println!("letter = {letter:?}");
        let span = found.get(0).map(|all| all.range());
        println!("span = {span:?}");
    }
    let swapped = date.replace_all("7-a", "$2.$year");
    println!("swapped = {swapped:?}");
    let longer = date.replace_all("<8->", |found: &Captures| format!("[{}]", &found[1]));
    println!("longer = {longer:?}");
}

fn words() {
    let words = Regex::new("(?i)a+b").unwrap();
    let all: Vec<&str> = words.find_iter("aAB b").map(|found| found.as_str()).collect();
    println!("all = {all:?}");
    let parts: Vec<&str> = Regex::new(" *,").unwrap().split("a ,b").collect();
    println!("parts = {parts:?}");
}

fn wrong() {
    for pattern in ["(", "[z-a]", "a{2,1}", r"\p{L}", "*"] {
        match Regex::new(pattern) {
            Ok(regex) => println!("{regex} is right"),
            Err(error) => println!("{pattern}: {error}"),
        }
    }
}

fn main() {
    captures();
    words();
    wrong();
    let nested = Regex::new("^(a|b)*?c{1,2}$").unwrap();
    let found = ["acc", "x"].map(|text| nested.is_match(text));
    println!("found = {found:?}");
}

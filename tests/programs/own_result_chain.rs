//! `unwrap_or_else` and `map_err` take the result by value, `as_ref` looks at it.
//! exit: 0

fn main() {
    let parsed: Result<u32, String> = "12".parse::<u32>().map_err(|error| error.to_string());
    let seen = parsed.as_ref().ok().copied();
    println!("{seen:?}"); // <seen> parsed: live, not lent; seen: live
    let failed: Result<u32, String> = Err(String::from("no number"));
    let text = failed.err().unwrap_or_default();
    println!("{text}"); // <text> failed: moved; text: live, owns a block
    let number = parsed.unwrap_or_else(|error| error.len() as u32);
    println!("{number}"); // <end> parsed: moved; number: live
}

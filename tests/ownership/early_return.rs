//! Each way out drops what is there on that way.
fn parse(text: String) -> Result<u32, std::num::ParseIntError> {
    let trimmed = text.trim().to_owned();
    if trimmed.is_empty() {
        return Ok(0);
    }
    let number: u32 = trimmed.parse()?;
    let shown = format!("{number}");
    drop(trimmed);
    Ok(number + shown.len() as u32)
}

fn main() {
    println!("{:?}", parse(String::from(" 41 ")));
    println!("{:?}", parse(String::from("x")));
}

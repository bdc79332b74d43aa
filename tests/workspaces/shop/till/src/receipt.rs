//! What the customer is given.

/// Lines and their sum.
#[derive(Debug, Default)]
pub struct Receipt {
    lines: Vec<String>,
    /// In cents.
    pub total: u32,
}

impl Receipt {
    /// Adds a line.
    pub fn line(&mut self, what: &str, cents: u32) {
        self.total += cents;
        let line = format!("{what:<10}{cents:>6}");
        println!("=line {line:?}\n=line.bytes {}", line.capacity()); // <line-made> line = "soap         250"
        //   line: live, owns a block; frames = line, main; self: borrows-mut main::receipt
        self.lines.push(line);
    }

    /// The whole, as printed.
    pub fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push_str(&format!("\n{:>16}\n", self.total));
        text
    }
}

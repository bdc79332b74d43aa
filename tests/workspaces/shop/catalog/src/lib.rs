//! What the shop sells.

use std::collections::BTreeMap;

use label::Label;

/// Something for sale.
#[derive(Clone, Debug, Label, PartialEq)]
pub struct Article {
    pub name: String,
    pub cents: u32,
}

/// All articles, by number.
#[derive(Debug, Default, Label)]
pub struct Catalog {
    articles: BTreeMap<u16, Article>,
}

impl Catalog {
    /// Takes an article into the catalog; gives the number it got.
    pub fn add(&mut self, name: &str, cents: u32) -> u16 {
        let number = 100 + self.articles.len() as u16;
        let article = Article { name: name.to_string(), cents };
        self.articles.insert(number, article); // <add> frames = add, open, main; article: live, owns 4 bytes on the heap
        println!("=number {number}\n=article.bytes {}", name.len()); // <added#2> number = 101
        number
    }

    /// The article of this number.
    pub fn find(&self, number: u16) -> Option<&Article> {
        self.articles.get(&number)
    }

    /// The price of some articles, in cents; numbers that nobody knows cost nothing.
    pub fn price(&self, numbers: &[u16]) -> u32 {
        numbers.iter().filter_map(|number| self.find(*number)).map(|article| article.cents).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_found_again() {
        let mut catalog = Catalog::default();
        let number = catalog.add("soap", 250);
        println!("found under {number}");
        assert_eq!(catalog.find(number).map(Article::label).as_deref(), Some("article"));
    }
}

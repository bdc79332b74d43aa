//! The till: adds up a parcel.
//! exit: 0

mod receipt;

use catalog::{Article, Catalog};
use receipt::Receipt;
use scales::{Grams, heavier, weigh};

include!(concat!(env!("OUT_DIR"), "/rates.rs"));

fn open() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.add("soap", 250);
    catalog.add("brush", 1200);
    catalog
}

fn main() {
    let catalog = open();
    let mut receipt = Receipt::default();
    for number in [100, 101, 100] {
        if let Some(article) = catalog.find(number) {
            receipt.line(&article.name, article.cents); // <line#2> number = 101; article: borrows heap of catalog
            println!("=number {number}");
        }
    }
    let weights = vec![Grams(250), Grams(90), Grams(250)];
    let weight = weigh(&weights);
    let zone = heavier("near", "far");
    receipt.line("postage", postage(zone));
    println!("=weight {weight:?}\n=zone {zone:?}\n=receipt.total {}", receipt.total); // <weighed>
    //   weight = Grams(590); zone = "near"; receipt.total = 2190; receipt: live, owns 5 blocks in all
    println!("=weights {weights:?}\n=weights.bytes {}", 4 * weights.capacity()); // <weights>
    //   weights: live, owns 12 bytes on the heap; weights = [Grams(250), Grams(90), Grams(250)]
    let gift = Article { name: "ribbon".to_string(), cents: 0 };
    println!("=gift {gift:?}\n@gift {:p}\n=gift.bytes {}", &gift, gift.name.capacity()); // <gift>
    //   gift: live, at printed, owns 6 bytes on the heap; gift = Article { name: "ribbon", cents: 0 }
    print!("{}", receipt.text());
}

//! A procedural macro of the workspace's own: `#[derive(Label)]` gives a type the function `label`.

use proc_macro::{TokenStream, TokenTree};

/// Writes `fn label(&self) -> String`, which gives the type's name in lower case.
#[proc_macro_derive(Label)]
pub fn label(input: TokenStream) -> TokenStream {
    let name = type_name(input);
    let text = name.to_lowercase();
    let code = format!(
        "impl {name} {{
            pub fn label(&self) -> String {{
                let text = \"{text}\";
                text.to_string()
            }}
        }}"
    );
    code.parse().expect("the text above is an item")
}

/// The identifier behind `struct` or `enum`.
fn type_name(input: TokenStream) -> String {
    let mut tokens = input.into_iter();
    while let Some(token) = tokens.next() {
        let TokenTree::Ident(word) = token else { continue };
        if matches!(word.to_string().as_str(), "struct" | "enum")
            && let Some(TokenTree::Ident(name)) = tokens.next()
        {
            return name.to_string();
        }
    }
    panic!("`Label` is for structs and enums");
}

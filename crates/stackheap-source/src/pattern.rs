use syn::visit::{self, Visit};
use syn::{Expr, Pat, PatIdent};

/// The identifiers of `pattern` that look like bindings, by position.
///
/// Whether `None` in a pattern binds a name or is a path, the compiler knows by resolving it; here
/// the naming convention decides: a plain identifier that starts with an upper-case letter binds
/// nothing.
pub(crate) fn identifiers(pattern: &Pat) -> Vec<&PatIdent> {
    let mut identifiers = Identifiers::default();
    identifiers.visit_pat(pattern);
    identifiers.found.retain(|ident| !looks_like_path(ident));
    identifiers.found
}

#[derive(Default)]
struct Identifiers<'ast> {
    found: Vec<&'ast PatIdent>,
}

impl<'ast> Visit<'ast> for Identifiers<'ast> {
    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        self.found.push(pattern);
        visit::visit_pat_ident(self, pattern);
    }

    // Guards and constants in patterns bind nothing of the pattern's.
    fn visit_expr(&mut self, _: &'ast Expr) {}
}

fn looks_like_path(pattern: &PatIdent) -> bool {
    let plain =
        pattern.by_ref.is_none() && pattern.mutability.is_none() && pattern.subpat.is_none();
    plain && pattern.ident.to_string().starts_with(char::is_uppercase)
}

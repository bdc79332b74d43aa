//! From a syntax tree to statements, bindings and bodies.
//!
//! Recursion here follows the tree; its depth is bounded by the limits that `parse` checks first.

use std::ops::Range;

use proc_macro2::{Span, TokenStream};
use stackheap_model::StatementKind;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Pat, PatIdent, Signature, Stmt};

use crate::lexer::Scan;
use crate::lines::Lines;
use crate::lookup::Interval;
use crate::outline::{Binding, BindingKind, Body, BodyKind, OutlinedStatement};
use crate::pattern;

/// What the walk found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) statements: Vec<OutlinedStatement>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) bodies: Vec<Body>,
    pub(crate) intervals: Vec<Interval>,
    /// Offsets just behind bodies, and the statements that end there.
    pub(crate) ends: Vec<(usize, usize)>,
}

/// A statement while its inside is being walked.
struct Open {
    index: usize,
    /// Whether a block was met inside it, so that its own text is known.
    cut: bool,
}

/// What surrounds the place where the walk is.
#[derive(Default)]
struct Context {
    /// The function, closure or async block.
    body: Option<usize>,
    /// Whether code here runs step by step; constants' initialisers do not.
    runs: bool,
    /// The innermost block, with its braces.
    block: Option<Range<usize>>,
    /// Statements around the place, outermost first.
    open: Vec<Open>,
    /// Where the names that a `let` in a condition binds end.
    condition_end: usize,
}

pub(crate) struct Walker<'a> {
    text: &'a str,
    scan: &'a Scan,
    lines: &'a Lines,
    /// What to add to the offsets of spans.
    base: usize,
    /// Attributes and doc comments, by position.
    attributes: Vec<Range<usize>>,
    context: Context,
    found: Found,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(text: &'a str, scan: &'a Scan, lines: &'a Lines, base: usize) -> Self {
        let context = Context::default();
        Self {
            text,
            scan,
            lines,
            base,
            attributes: Vec::new(),
            context,
            found: Found::default(),
        }
    }

    pub(crate) fn finish(self) -> Found {
        self.found
    }

    pub(crate) fn file(&mut self, file: &syn::File) {
        let mut attributes = Attributes::default();
        attributes.visit_file(file);
        self.skip(&attributes);
        self.visit_file(file);
    }

    /// Statements outside of any function, such as a file that `include!` puts into one.
    pub(crate) fn fragment(&mut self, statements: &[Stmt]) {
        let mut attributes = Attributes::default();
        statements
            .iter()
            .for_each(|statement| attributes.visit_stmt(statement));
        self.skip(&attributes);
        self.context.runs = true;
        self.context.block = Some(0..self.text.len());
        self.statements(statements);
    }

    fn skip(&mut self, attributes: &Attributes<'_>) {
        let ranges: Vec<_> = attributes
            .found
            .iter()
            .map(|a| self.range(a.span()))
            .collect();
        self.attributes.extend(ranges);
        self.attributes.sort_by_key(|range| range.start);
    }

    fn range(&self, span: Span) -> Range<usize> {
        let bytes = span.byte_range();
        let end = (self.base + bytes.end).min(self.text.len());
        (self.base + bytes.start).min(end)..end
    }

    pub(crate) fn tokens_range(&self, tokens: &TokenStream) -> Range<usize> {
        self.range(tokens.span())
    }

    /// The range of a node without the attributes in front of it.
    fn node(&self, node: &impl Spanned) -> Range<usize> {
        let whole = self.range(node.span());
        let mut start = whole.start;
        loop {
            let found = self
                .attributes
                .binary_search_by_key(&start, |range| range.start);
            match found.ok().and_then(|index| self.attributes.get(index)) {
                Some(attribute) if attribute.end < whole.end => {
                    start = self.scan.skip_trivia(self.text, attribute.end);
                }
                _ => return start.min(whole.end)..whole.end,
            }
        }
    }

    /// `start..end` without white space before its end.
    fn trimmed(&self, start: usize, end: usize) -> Range<usize> {
        let text = self.text.get(start..end).unwrap_or("");
        start..start + text.trim_end().len()
    }

    /// A statement for each line of `range` that has more than white space and comments.
    pub(crate) fn lines_of(&mut self, range: Range<usize>) {
        let first = self.lines.position(range.start).line;
        let last = self.lines.position(range.end).line;
        for number in first..=last {
            let Some(line) = self.lines.line(number) else {
                return;
            };
            let end = line.end.min(range.end);
            let start = self
                .scan
                .skip_trivia(self.text, line.start.max(range.start));
            if start >= end {
                continue;
            }
            // A comment at the end of the line is no part of it.
            let end = match self.scan.comment_at(end.saturating_sub(1)) {
                Some(comment) if comment.start > start => comment.start,
                _ => end,
            };
            let line = self.trimmed(start, end);
            self.push(StatementKind::Line, line.clone(), line);
        }
    }

    /// Adds a statement that owns the positions of `extent`.
    fn push(&mut self, kind: StatementKind, own: Range<usize>, extent: Range<usize>) -> usize {
        let index = self.add(kind, own, extent.clone());
        self.found.intervals.push((extent, Some(index)));
        index
    }

    /// Adds a statement that owns no positions yet.
    fn add(&mut self, kind: StatementKind, own: Range<usize>, extent: Range<usize>) -> usize {
        let block = self.context.block.clone().unwrap_or_else(|| extent.clone());
        self.found.statements.push(OutlinedStatement {
            kind,
            range: self.lines.range(&own),
            extent: self.lines.range(&extent),
            block: self.lines.range(&block),
            function: self.context.body,
        });
        self.found.statements.len() - 1
    }

    /// Adds a statement and walks its inside; blocks that are met there end its own text.
    fn around(
        &mut self,
        kind: StatementKind,
        extent: Range<usize>,
        inside: impl FnOnce(&mut Self),
    ) -> Option<usize> {
        if !self.context.runs {
            inside(self);
            return None;
        }
        let own = self.trimmed(extent.start, extent.end);
        let index = self.push(kind, own, extent);
        self.context.open.push(Open { index, cut: false });
        inside(self);
        self.context.open.pop();
        Some(index)
    }

    /// A brace was met: it ends the own text of the statements around it that have met none yet.
    fn cut(&mut self, brace: usize) {
        if !self.context.runs {
            return;
        }
        let mut uncut = Vec::new();
        for open in self
            .context
            .open
            .iter_mut()
            .rev()
            .take_while(|open| !open.cut)
        {
            open.cut = true;
            uncut.push(open.index);
        }
        for index in uncut {
            let Some(statement) = self.found.statements.get(index) else {
                continue;
            };
            let start = self.lines.offset(statement.range.start).unwrap_or(brace);
            let own = self.trimmed(start, brace);
            // A block at the very start: the brace itself is the statement's own text.
            let own = if own.is_empty() {
                start..brace + 1
            } else {
                own
            };
            let own = self.lines.range(&own);
            if let Some(statement) = self.found.statements.get_mut(index) {
                statement.range = own;
            }
        }
    }

    fn bind(&mut self, pattern: &Pat, kind: BindingKind, initialised: bool, scope: Range<usize>) {
        for ident in pattern::identifiers(pattern) {
            self.bind_one(ident, kind, initialised, &scope);
        }
    }

    fn bind_one(
        &mut self,
        ident: &PatIdent,
        kind: BindingKind,
        initialised: bool,
        scope: &Range<usize>,
    ) {
        let name = ident.ident.to_string();
        self.found.bindings.push(Binding {
            name: name.strip_prefix("r#").unwrap_or(&name).to_owned(),
            at: self.lines.position(self.range(ident.ident.span()).start),
            mutable: ident.mutability.is_some(),
            initialised,
            kind,
            scope: self.lines.range(scope),
        });
    }
}

/// Blocks and statements.
impl Walker<'_> {
    fn block_range(&self, block: &syn::Block) -> Range<usize> {
        self.range(block.brace_token.span.join())
    }

    /// Walks a block and gives the index of its closing brace's statement.
    fn block(&mut self, block: &syn::Block) -> Option<usize> {
        let range = self.block_range(block);
        self.cut(range.start);
        let outer = self.context.block.replace(range.clone());
        self.statements(&block.stmts);
        let end = self.closing_brace(range.end);
        self.context.block = outer;
        end
    }

    fn closing_brace(&mut self, end: usize) -> Option<usize> {
        let brace = end.saturating_sub(1)..end;
        self.context
            .runs
            .then(|| self.push(StatementKind::ScopeEnd, brace.clone(), brace))
    }

    fn statements(&mut self, statements: &[Stmt]) {
        let last = statements.len().saturating_sub(1);
        for (index, statement) in statements.iter().enumerate() {
            let without_semicolon = if index == last {
                StatementKind::Tail
            } else {
                StatementKind::Expression
            };
            match statement {
                Stmt::Local(local) => self.local(local),
                Stmt::Item(item) => self.visit_item(item),
                Stmt::Expr(expr, semicolon) => {
                    let kind = semicolon.map_or(without_semicolon, |_| StatementKind::Expression);
                    let extent = self.node(statement);
                    self.value(expr, kind, extent);
                }
                Stmt::Macro(mac) => {
                    let kind = mac
                        .semi_token
                        .map_or(without_semicolon, |_| StatementKind::Expression);
                    let extent = self.node(statement);
                    self.around(kind, extent, |_| {});
                }
            }
        }
    }

    fn local(&mut self, local: &syn::Local) {
        let extent = self.node(local);
        let scope_end = self
            .context
            .block
            .as_ref()
            .map_or(self.text.len(), |block| block.end);
        let scope = extent.end..scope_end.max(extent.end);
        self.around(StatementKind::Let, extent, |walker| {
            walker.visit_pat(&local.pat);
            let Some(init) = &local.init else { return };
            walker.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                walker.visit_expr(diverge);
            }
        });
        self.bind(&local.pat, BindingKind::Let, local.init.is_some(), scope);
    }

    /// Walks an expression that stands as a statement or as the value of a block, arm or closure.
    /// Conditions and loops are statements by their heads; gives the index of all others.
    fn value(&mut self, expr: &Expr, kind: StatementKind, extent: Range<usize>) -> Option<usize> {
        match expr {
            Expr::If(_) | Expr::Match(_) | Expr::While(_) | Expr::ForLoop(_) => {
                self.visit_expr(expr);
                None
            }
            _ => self.around(kind, extent, |walker| walker.visit_expr(expr)),
        }
    }

    /// As [`Self::value`], but a plain block's own statements are enough.
    fn value_or_block(&mut self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Block(block) if block.label.is_none() => self.block(&block.block),
            _ => {
                let extent = self.node(expr);
                let tail = self.value(expr, StatementKind::Tail, extent);
                tail.or_else(|| self.found.statements.len().checked_sub(1))
            }
        }
    }
}

/// Functions, closures and async blocks.
impl Walker<'_> {
    fn function(&mut self, whole: Range<usize>, signature: &Signature, block: &syn::Block) {
        let body = self.block_range(block);
        self.found.intervals.push((whole.clone(), None));
        let name = signature.ident.to_string();
        let outer = std::mem::take(&mut self.context);
        self.context.runs = true;
        // rustc puts the creation and the dispatch of an async function at its opening brace.
        let owned = whole.start..body.start + 1;
        self.body(BodyKind::Function, Some(name), whole, body.clone(), owned);
        for input in &signature.inputs {
            match input {
                syn::FnArg::Receiver(receiver) => self.receiver(receiver, &body),
                syn::FnArg::Typed(typed) => self.parameter(&typed.pat, &body),
            }
        }
        let end = self.block(block);
        self.found
            .ends
            .extend(end.map(|statement| (body.end, statement)));
        self.context = outer;
    }

    /// Parameters bind, whatever their names look like: their patterns cannot be refuted.
    fn parameter(&mut self, pattern: &Pat, scope: &Range<usize>) {
        match pattern {
            Pat::Ident(ident) => self.bind_one(ident, BindingKind::Parameter, true, scope),
            pattern => self.bind(pattern, BindingKind::Parameter, true, scope.clone()),
        }
    }

    fn receiver(&mut self, receiver: &syn::Receiver, scope: &Range<usize>) {
        self.found.bindings.push(Binding {
            name: "self".to_owned(),
            at: self
                .lines
                .position(self.range(receiver.self_token.span).start),
            mutable: receiver.mutability.is_some(),
            initialised: true,
            kind: BindingKind::Parameter,
            scope: self.lines.range(scope),
        });
    }

    /// Adds a body with its head, and makes it the current one. The head owns the positions of
    /// `owned`.
    fn body(
        &mut self,
        kind: BodyKind,
        name: Option<String>,
        whole: Range<usize>,
        block: Range<usize>,
        owned: Range<usize>,
    ) {
        self.context.body = Some(self.found.bodies.len());
        self.context.block = Some(block.clone());
        let own = self.trimmed(whole.start, block.start);
        let head = self.add(StatementKind::Head, own.clone(), own);
        self.found.intervals.push((owned, Some(head)));
        self.found.bodies.push(Body {
            kind,
            name,
            range: self.lines.range(&whole),
            block: self.lines.range(&block),
            head,
        });
    }

    /// Walks the body of a closure or async block, between `enter` and `leave` of its context.
    fn inner_body(&mut self, inside: impl FnOnce(&mut Self)) {
        let body = self.context.body;
        let block = self.context.block.clone();
        let runs = std::mem::replace(&mut self.context.runs, true);
        inside(self);
        self.context.body = body;
        self.context.block = block;
        self.context.runs = runs;
    }

    /// Walks what does not run step by step: constants and the initialisers of statics.
    fn constant(&mut self, inside: impl FnOnce(&mut Self)) {
        let runs = std::mem::replace(&mut self.context.runs, false);
        inside(self);
        self.context.runs = runs;
    }
}

impl<'ast> Visit<'ast> for Walker<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let outer = std::mem::take(&mut self.context);
        let whole = self.range(item.span());
        self.found.intervals.push((whole.clone(), None));
        match item {
            syn::Item::Verbatim(_) => self.lines_of(whole),
            _ => visit::visit_item(self, item),
        }
        self.context = outer;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(self.node(item), &item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(self.node(item), &item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(self.node(item), &item.sig, block);
        }
    }

    // What stands in a macro is not known to be statements; rustc gives code that comes from a
    // macro of the same crate the positions of the macro's text.
    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        self.lines_of(self.node(item));
    }

    fn visit_impl_item_macro(&mut self, item: &'ast syn::ImplItemMacro) {
        self.lines_of(self.node(item));
    }

    fn visit_trait_item_macro(&mut self, item: &'ast syn::TraitItemMacro) {
        self.lines_of(self.node(item));
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(|walker| visit::visit_item_const(walker, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.constant(|walker| visit::visit_item_static(walker, item));
    }

    fn visit_expr_const(&mut self, expr: &'ast syn::ExprConst) {
        self.constant(|walker| visit::visit_expr_const(walker, expr));
    }

    fn visit_expr_repeat(&mut self, expr: &'ast syn::ExprRepeat) {
        self.visit_expr(&expr.expr);
        self.constant(|walker| walker.visit_expr(&expr.len));
    }

    // Lengths of array types, constant arguments and the like.
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_generics(&mut self, _: &'ast syn::Generics) {}
    fn visit_path_arguments(&mut self, _: &'ast syn::PathArguments) {}
    fn visit_variant(&mut self, _: &'ast syn::Variant) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_macro(&mut self, _: &'ast syn::Macro) {}

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.block(block);
    }

    fn visit_expr_if(&mut self, expr: &'ast syn::ExprIf) {
        let then_end = self.block_range(&expr.then_branch).end;
        let extent = self.node(expr);
        self.around(StatementKind::Condition, extent, |walker| {
            let outer = std::mem::replace(&mut walker.context.condition_end, then_end);
            walker.visit_expr(&expr.cond);
            walker.context.condition_end = outer;
            walker.block(&expr.then_branch);
            if let Some((_, branch)) = &expr.else_branch {
                walker.visit_expr(branch);
            }
        });
    }

    fn visit_expr_while(&mut self, expr: &'ast syn::ExprWhile) {
        let body_end = self.block_range(&expr.body).end;
        let extent = self.node(expr);
        self.around(StatementKind::LoopHead, extent, |walker| {
            let outer = std::mem::replace(&mut walker.context.condition_end, body_end);
            walker.visit_expr(&expr.cond);
            walker.context.condition_end = outer;
            walker.block(&expr.body);
        });
    }

    fn visit_expr_let(&mut self, expr: &'ast syn::ExprLet) {
        let end = self.range(expr.span()).end;
        self.bind(
            &expr.pat,
            BindingKind::Pattern,
            true,
            end..self.context.condition_end.max(end),
        );
        visit::visit_expr_let(self, expr);
    }

    fn visit_expr_for_loop(&mut self, expr: &'ast syn::ExprForLoop) {
        let extent = self.node(expr);
        let scope = self.block_range(&expr.body);
        self.bind(&expr.pat, BindingKind::For, true, scope);
        self.around(StatementKind::LoopHead, extent, |walker| {
            walker.visit_expr(&expr.expr);
            walker.block(&expr.body);
        });
    }

    fn visit_expr_match(&mut self, expr: &'ast syn::ExprMatch) {
        let extent = self.node(expr);
        let braces = self.range(expr.brace_token.span.join());
        self.around(StatementKind::Condition, extent, |walker| {
            walker.visit_expr(&expr.expr);
            walker.cut(braces.start);
            for arm in &expr.arms {
                walker.visit_arm(arm);
            }
            // Temporaries of the scrutinee are dropped here.
            walker.closing_brace(braces.end);
        });
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let pattern = self.node(&arm.pat);
        let body_end = self.range(arm.body.span()).end;
        let scope = match &arm.pat {
            Pat::Guard(guard) => self.range(guard.if_token.span).start..body_end,
            _ => self.node(&arm.body),
        };
        self.bind(&arm.pat, BindingKind::Pattern, true, scope);
        self.around(StatementKind::MatchArm, pattern, |walker| {
            let outer = std::mem::replace(&mut walker.context.condition_end, body_end);
            walker.visit_pat(&arm.pat);
            walker.context.condition_end = outer;
        });
        self.value_or_block(&arm.body);
    }

    fn visit_expr_closure(&mut self, expr: &'ast syn::ExprClosure) {
        let whole = self.node(expr);
        let block = self.node(&expr.body);
        // The first byte belongs to the statement that makes the closure, and so does the opening
        // brace to the head: no statement starts at it.
        let braces = matches!(&*expr.body, Expr::Block(_));
        let owned = whole.start + 1..block.start + usize::from(braces);
        self.inner_body(|walker| {
            walker.body(BodyKind::Closure, None, whole, block.clone(), owned);
            for input in &expr.inputs {
                walker.bind(input, BindingKind::Closure, true, block.clone());
            }
            let end = walker.value_or_block(&expr.body);
            walker
                .found
                .ends
                .extend(end.map(|statement| (block.end, statement)));
        });
    }

    fn visit_expr_async(&mut self, expr: &'ast syn::ExprAsync) {
        let whole = self.node(expr);
        let block = self.block_range(&expr.block);
        let owned = whole.start + 1..block.start + 1;
        self.inner_body(|walker| {
            walker.body(BodyKind::Async, None, whole, block.clone(), owned);
            let end = walker.block(&expr.block);
            walker
                .found
                .ends
                .extend(end.map(|statement| (block.end, statement)));
        });
    }
}

/// Collects attributes and doc comments, wherever they stand.
#[derive(Default)]
struct Attributes<'ast> {
    found: Vec<&'ast Attribute>,
}

impl<'ast> Visit<'ast> for Attributes<'ast> {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.found.push(attribute);
    }
}

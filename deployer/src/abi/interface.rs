//! Puts one Solidity interface together out of the SDK's export and the `sol!` blocks.
//!
//! The export leaves gaps that are closed here: it prints Rust's snake-case argument names,
//! structs without a data location, errors without argument names, no events and no
//! `receive`.

use std::collections::BTreeSet;

/// The two sources contradict each other.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InterfaceError {
    /// A `sol!` block does not end.
    #[error("a sol! block has no closing brace in the first column")]
    OpenBlock,
    /// The router uses an error that no `sol!` block declares.
    #[error("the router uses error {0}, which no sol! block declares")]
    UndeclaredError(String),
    /// The export has no function.
    #[error("the SDK's export lists no function")]
    Empty,
}

/// Solidity source of `name`: functions from `router`, the rest from the `sol!` blocks in
/// `rust`.
pub fn solidity(name: &str, router: &str, rust: &str) -> Result<String, InterfaceError> {
    let declared = sol_blocks(rust)?;
    check_errors(router, &declared)?;
    let structs = names_after("struct", &declared);
    let functions: Vec<_> = router
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("function "))
        .map(|line| function(line, &structs))
        .collect();
    if functions.is_empty() {
        return Err(InterfaceError::Empty);
    }
    let receive = if rust.contains("#[receive]") { "receive() external payable;\n" } else { "" };
    Ok(format!(
        "// SPDX-License-Identifier: MIT OR Apache-2.0\npragma solidity 0.8.28;\n\
         interface {name} {{\n{declared}{}\n{receive}}}\n",
        functions.join("\n")
    ))
}

/// The content of all `sol!` blocks, without comments and attributes.
fn sol_blocks(rust: &str) -> Result<String, InterfaceError> {
    let mut out = String::new();
    for block in rust.split("\nsol! {\n").skip(1) {
        let (block, _) = block.split_once("\n}\n").ok_or(InterfaceError::OpenBlock)?;
        let kept = block
            .lines()
            .map(str::trim)
            .filter(|line| !(line.is_empty() || line.starts_with("//") || line.starts_with('#')));
        for line in kept {
            out.push_str(line);
            out.push('\n');
        }
    }
    Ok(out)
}

fn names_after(keyword: &str, source: &str) -> BTreeSet<String> {
    let lines = source.lines().filter_map(|line| line.strip_prefix(keyword));
    lines
        .filter_map(|rest| rest.trim_start().split([' ', '(', '{']).next())
        .map(str::to_owned)
        .collect()
}

fn check_errors(router: &str, declared: &str) -> Result<(), InterfaceError> {
    let declared = names_after("error", declared);
    let router: Vec<_> = router.lines().map(str::trim).collect();
    let used = names_after("error", &router.join("\n"));
    match used.difference(&declared).next() {
        Some(name) => Err(InterfaceError::UndeclaredError(name.clone())),
        None => Ok(()),
    }
}

/// A function line with camel-case argument names and data locations.
fn function(line: &str, structs: &BTreeSet<String>) -> String {
    let Some((head, rest)) = line.split_once('(') else { return line.to_owned() };
    let Some((arguments, tail)) = rest.split_once(')') else { return line.to_owned() };
    let arguments = arguments.split(", ").map(|argument| {
        let words: Vec<_> = argument.split(' ').collect();
        match words.as_slice() {
            [kind, name] if structs.contains(*kind) => format!("{kind} calldata {}", camel(name)),
            [kind @ .., name] if !kind.is_empty() => format!("{} {}", kind.join(" "), camel(name)),
            _ => argument.to_owned(),
        }
    });
    format!("{head}({}){tail}", arguments.collect::<Vec<_>>().join(", "))
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "use x;\nsol! {\n    #![sol(all_derives)]\n    /// Doc.\n    \
        #[derive(AbiType)]\n    struct Offer {\n        uint96 price;\n    }\n    \
        error Bad(uint256 code);\n    event Done();\n}\n\n#[receive]\n";

    #[test]
    fn gaps_of_the_export_are_closed() {
        let router = "interface IShop {\n    function buyOne(Offer the_offer, bytes calldata \
            some_data, address to) external payable returns (Offer memory);\n\n    \
            error Bad(uint256);\n}\n";
        let source = solidity("Shop", router, RUST).expect("fits together");
        assert!(source.ends_with(
            "interface Shop {\nstruct Offer {\nuint96 price;\n}\nerror Bad(uint256 code);\n\
             event Done();\nfunction buyOne(Offer calldata theOffer, bytes calldata someData, \
             address to) external payable returns (Offer memory);\nreceive() external payable;\n}\n"
        ));
    }

    #[test]
    fn contradictions_are_named() {
        let router = "function f() external;\n    error Worse(uint256);\n";
        let error = solidity("Shop", router, RUST).expect_err("undeclared");
        assert_eq!(error, InterfaceError::UndeclaredError("Worse".into()));
        assert_eq!(solidity("Shop", "", RUST), Err(InterfaceError::Empty));
        assert_eq!(solidity("Shop", "", "\nsol! {\n x"), Err(InterfaceError::OpenBlock));
    }
}

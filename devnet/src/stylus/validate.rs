//! The rules a valid WASM module must also keep to be a program.

use wasmparser::{ExternalKind, Operator, RefType, ValType};

use super::{
    module::{Module, ModuleError, Rules},
    prices::prices,
};

/// Export that a call enters through.
pub(super) const ENTRY: &str = "user_entrypoint";
/// Module of the host functions.
pub(super) const HOOKS: &str = "vm_hooks";
/// Module of the debugging functions.
pub(super) const CONSOLE: &str = "console";
/// Host function that growing memory pays through.
pub(super) const PAY_FOR_GROW: &str = "pay_for_memory_grow";
/// Most pages any program can have.
pub(super) const MAX_PAGES: u64 = 128;
/// Globals that instrumentation adds.
pub(super) const ADDED_GLOBALS: u64 = 4;

const PAGE_BYTES: u64 = 65_536;

/// Checks everything but instrumented code, and drops the exports that do not matter.
pub(super) fn check(module: &mut Module<'_>, rules: Rules) -> Result<(), ModuleError> {
    check_names(module)?;
    check_start(module, rules)?;
    check_imports(module, rules)?;
    check_exports(module, rules)?;
    check_memory(module)?;
    check_segments(module)?;
    check_operators(module)?;
    check_limits(module)
}

fn limit(what: &'static str, count: u64, limit: u64) -> Result<(), ModuleError> {
    if count > limit { Err(ModuleError::Limit { what, count, limit }) } else { Ok(()) }
}

fn check_names(module: &Module<'_>) -> Result<(), ModuleError> {
    for import in &module.imports {
        if import.name.starts_with("stylus") {
            let name = import.name;
            return Err(ModuleError::unsupported(format!("import name {name} is reserved")));
        }
    }
    for (export, ..) in &module.exports {
        let plain = export.rsplit("__").next().unwrap_or(export);
        if plain.starts_with("stylus") || module.imports.iter().any(|i| i.name == plain) {
            return Err(ModuleError::unsupported(format!("export name {export} is reserved")));
        }
    }
    Ok(())
}

fn check_start(module: &mut Module<'_>, rules: Rules) -> Result<(), ModuleError> {
    if module.start.take().is_some() && !rules.debug {
        return Err(ModuleError::unsupported("start functions not allowed"));
    }
    Ok(())
}

fn check_imports(module: &Module<'_>, rules: Rules) -> Result<(), ModuleError> {
    let mut seen = std::collections::HashMap::new();
    for import in &module.imports {
        let key = (import.module, import.name);
        if *seen.entry(key).or_insert(import.ty) != import.ty {
            return Err(ModuleError::unsupported(format!(
                "import {} used with two types",
                import.name
            )));
        }
        let known = match import.module {
            HOOKS => prices()
                .host_signature(import.name)
                .map(|(params, results)| (types(params), types(results))),
            CONSOLE if rules.debug => console_signature(import.name),
            _ => None,
        };
        let Some((params, results)) = known else {
            return Err(ModuleError::unsupported(format!(
                "missing import {}.{}",
                import.module, import.name
            )));
        };
        let ty = module.types.get(import.ty as usize);
        if !ty.is_some_and(|ty| ty.params() == params && ty.results() == results) {
            return Err(ModuleError::unsupported(format!("wrong type for import {}", import.name)));
        }
    }
    Ok(())
}

fn types(names: &[String]) -> Vec<ValType> {
    names.iter().map(|name| if name == "i64" { ValType::I64 } else { ValType::I32 }).collect()
}

/// Types of the debug module's functions.
fn console_signature(name: &str) -> Option<(Vec<ValType>, Vec<ValType>)> {
    let (verb, kind) = name.split_once('_')?;
    let value = match kind {
        "i32" => ValType::I32,
        "i64" => ValType::I64,
        "f32" => ValType::F32,
        "f64" => ValType::F64,
        "txt" if verb == "log" => return Some((vec![ValType::I32; 2], vec![])),
        _ => return None,
    };
    match verb {
        "log" => Some((vec![value], vec![])),
        "tee" => Some((vec![value], vec![value])),
        _ => None,
    }
}

fn check_exports(module: &mut Module<'_>, rules: Rules) -> Result<(), ModuleError> {
    if rules.debug {
        // Debug chains keep all exports, so all of them count.
        limit_exports(module)?;
    }
    module.exports.retain(|(name, ..)| matches!(*name, "memory" | ENTRY));
    let find = |wanted: &str| module.exports.iter().find(|(name, ..)| *name == wanted);
    if !matches!(find("memory"), Some((_, ExternalKind::Memory, 0))) {
        return Err(ModuleError::unsupported("missing export with name memory"));
    }
    let Some((_, ExternalKind::Func, index)) = find(ENTRY) else {
        return Err(ModuleError::unsupported(format!("missing export with name {ENTRY}")));
    };
    let local = *index as usize >= module.imports.len();
    let fits = module
        .function_type(*index)
        .is_some_and(|ty| ty.params() == [ValType::I32] && ty.results() == [ValType::I32]);
    if !(local && fits) {
        return Err(ModuleError::unsupported(format!("wrong type for {ENTRY}")));
    }
    Ok(())
}

fn check_memory(module: &Module<'_>) -> Result<(), ModuleError> {
    limit("memories", module.memories.len() as u64, 1)?;
    let memory = module.memory();
    limit("initial memory pages", memory.initial, MAX_PAGES)?;
    if memory.maximum == Some(memory.initial) {
        return Ok(());
    }
    let pays = module.imports.iter().any(|i| i.module == HOOKS && i.name == PAY_FOR_GROW);
    if pays {
        Ok(())
    } else {
        Err(ModuleError::unsupported(format!("missing import with name {PAY_FOR_GROW}")))
    }
}

fn check_segments(module: &Module<'_>) -> Result<(), ModuleError> {
    let memory = module.memory().initial * PAGE_BYTES;
    for data in &module.data {
        let start = u64::from(data.offset.cast_unsigned());
        if start + data.items.len() as u64 > memory {
            return Err(ModuleError::unsupported("data segment out of bounds"));
        }
    }
    let table = module.tables.first().map_or(0, |table| table.initial);
    for element in &module.elements {
        let start = u64::from(element.offset.cast_unsigned());
        if start + element.items.len() as u64 > table {
            return Err(ModuleError::unsupported("element segment out of bounds"));
        }
    }
    if module.tables.iter().any(|table| table.element_type != RefType::FUNCREF) {
        return Err(ModuleError::unsupported("unsupported table type"));
    }
    Ok(())
}

fn check_operators(module: &Module<'_>) -> Result<(), ModuleError> {
    for op in module.functions.iter().flat_map(|function| &function.ops) {
        if prices().operator(op, 0).is_none() || matches!(op, Operator::TypedSelect { .. }) {
            return Err(ModuleError::unsupported(format!("unsupported opcode {op:?}")));
        }
    }
    Ok(())
}

fn check_limits(module: &Module<'_>) -> Result<(), ModuleError> {
    let counts = module.counts;
    limit("data segments", counts.data_segments, 128)?;
    limit("element segments", counts.element_segments, 128)?;
    limit_exports(module)?;
    limit("functions", module.functions.len() as u64, 4096)?;
    limit("globals", module.globals.len() as u64 + ADDED_GLOBALS, 32_768)?;
    limit("imports", module.imports.len() as u64, 513)?;
    limit("table entries", module.tables.iter().map(|t| t.initial).sum(), 4096)?;
    limit("element segment bytes", counts.element_encoded, 4096)?;
    for function in &module.functions {
        let locals = function.locals.iter().map(|(count, _)| u64::from(*count)).sum();
        limit("locals", locals, 348)?;
    }
    limit("bytes in the module name", module.name.len() as u64, 512)
}

fn limit_exports(module: &Module<'_>) -> Result<(), ModuleError> {
    limit("exports", module.exports.len() as u64, 1024)?;
    let names = module.exports.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    limit("bytes in an export name", names as u64, 512)
}

//! From a raw module to the one that is compiled: checked, instrumented, encoded.

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction,
    MemorySection, MemoryType, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::Operator;

use super::{
    costs::{self, ActivationNumbers},
    instrument::{self, Added},
    module::{Module, ModuleError, Rules},
    validate::{ENTRY, MAX_PAGES},
};

/// Exports through which the host reaches the added globals.
pub(super) const INK_GLOBAL: &str = "stylus_ink_left";
pub(super) const STATUS_GLOBAL: &str = "stylus_ink_status";
pub(super) const STACK_GLOBAL: &str = "stylus_stack_left";

/// A program ready to be compiled.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The rewritten module.
    pub wasm: Vec<u8>,
    /// Its activation numbers.
    pub numbers: ActivationNumbers,
}

/// Checks and rewrites a module.
///
/// # Errors
/// [`ModuleError`] with the first broken rule.
pub fn prepare(wasm: &[u8], rules: Rules) -> Result<Prepared, ModuleError> {
    let mut module = Module::parse(wasm, rules)?;
    let operators = instrument::instrument(&mut module)?;
    let numbers = costs::numbers(&module, operators, rules.arbos)?;
    Ok(Prepared { wasm: encode(&module)?, numbers })
}

fn internal(error: impl std::fmt::Display) -> ModuleError {
    ModuleError::unsupported(format!("module cannot be encoded: {error}"))
}

fn val(ty: wasmparser::ValType) -> Result<ValType, ModuleError> {
    ValType::try_from(ty).map_err(|_| internal("value type"))
}

fn encode(module: &Module<'_>) -> Result<Vec<u8>, ModuleError> {
    let mut out = wasm_encoder::Module::new();
    out.section(&types(module)?);
    let mut imports = ImportSection::new();
    for import in &module.imports {
        imports.import(import.module, import.name, EntityType::Function(import.ty));
    }
    out.section(&imports);
    let mut functions = FunctionSection::new();
    for function in &module.functions {
        functions.function(function.ty);
    }
    out.section(&functions);
    out.section(&tables(module));
    out.section(&memory(module));
    out.section(&globals(module)?);
    out.section(&exports(module));
    let mut elements = ElementSection::new();
    for element in &module.elements {
        let offset = ConstExpr::i32_const(element.offset);
        elements.active(None, &offset, Elements::Functions(element.items.as_slice().into()));
    }
    out.section(&elements);
    out.section(&code(module)?);
    let mut data = DataSection::new();
    for segment in &module.data {
        data.active(0, &ConstExpr::i32_const(segment.offset), segment.items.iter().copied());
    }
    out.section(&data);
    Ok(out.finish())
}

fn types(module: &Module<'_>) -> Result<TypeSection, ModuleError> {
    let mut section = TypeSection::new();
    for ty in &module.types {
        let params = ty.params().iter().map(|ty| val(*ty)).collect::<Result<Vec<_>, _>>()?;
        let results = ty.results().iter().map(|ty| val(*ty)).collect::<Result<Vec<_>, _>>()?;
        section.ty().function(params, results);
    }
    Ok(section)
}

fn tables(module: &Module<'_>) -> TableSection {
    let mut section = TableSection::new();
    for table in &module.tables {
        section.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: table.initial,
            maximum: table.maximum,
            shared: false,
        });
    }
    section
}

fn memory(module: &Module<'_>) -> MemorySection {
    let memory = module.memory();
    let mut section = MemorySection::new();
    section.memory(MemoryType {
        minimum: memory.initial,
        maximum: Some(memory.maximum.unwrap_or(MAX_PAGES).min(MAX_PAGES)),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    section
}

fn globals(module: &Module<'_>) -> Result<GlobalSection, ModuleError> {
    let mut section = GlobalSection::new();
    for (ty, init) in &module.globals {
        let init = match init {
            Operator::I32Const { value } => ConstExpr::i32_const(*value),
            Operator::I64Const { value } => ConstExpr::i64_const(*value),
            Operator::F32Const { value } => ConstExpr::f32_const((*value).into()),
            Operator::F64Const { value } => ConstExpr::f64_const((*value).into()),
            _ => return Err(internal("global initialiser")),
        };
        let ty = GlobalType { val_type: val(ty.content_type)?, mutable: ty.mutable, shared: false };
        section.global(ty, &init);
    }
    let mut add = |val_type, init: &ConstExpr| {
        section.global(GlobalType { val_type, mutable: true, shared: false }, init);
    };
    add(ValType::I64, &ConstExpr::i64_const(0));
    add(ValType::I32, &ConstExpr::i32_const(0));
    add(ValType::I32, &ConstExpr::i32_const(0));
    add(ValType::I32, &ConstExpr::i32_const(0));
    Ok(section)
}

fn exports(module: &Module<'_>) -> ExportSection {
    let mut section = ExportSection::new();
    let added = Added::after(module.globals.len());
    for (name, _, index) in &module.exports {
        let kind = if *name == ENTRY { ExportKind::Func } else { ExportKind::Memory };
        section.export(name, kind, *index);
    }
    section.export(INK_GLOBAL, ExportKind::Global, added.ink);
    section.export(STATUS_GLOBAL, ExportKind::Global, added.status);
    section.export(STACK_GLOBAL, ExportKind::Global, added.stack);
    section
}

fn code(module: &Module<'_>) -> Result<CodeSection, ModuleError> {
    let mut section = CodeSection::new();
    for function in &module.functions {
        let locals = function
            .locals
            .iter()
            .map(|(count, ty)| Ok((*count, val(*ty)?)))
            .collect::<Result<Vec<_>, ModuleError>>()?;
        let mut body = wasm_encoder::Function::new(locals);
        for op in &function.ops {
            body.instruction(&Instruction::try_from(op.clone()).map_err(|_| internal("operator"))?);
        }
        section.function(&body);
    }
    Ok(section)
}

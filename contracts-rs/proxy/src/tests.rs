//! Golden bytes: a change of these changes every account address.

use super::*;

fn hex(bytes: &[u8]) -> alloc::string::String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

#[test]
fn runtime_is_the_golden_one() {
    assert_eq!(
        hex(&runtime()),
        "363d3d373d3d363d7f\
         360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc\
         545af43d6000803e6038573d6000fd5b3d6000f3"
    );
}

#[test]
fn init_code_is_the_golden_one() {
    assert_eq!(
        hex(&init_code([0x11; 20], &[0xaa, 0xbb, 0xcc])),
        "731111111111111111111111111111111111111111\
         7f360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc55\
         610003806100b13d39\
         3d3d823d7311111111111111111111111111111111111111115af4\
         6067573d6000803e3d6000fd5b\
         603d8061007460003960\
         00f3\
         363d3d373d3d363d7f\
         360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc\
         545af43d6000803e6038573d6000fd5b3d6000f3\
         aabbcc"
    );
}

#[test]
fn labels_point_at_jump_destinations() {
    assert_eq!(runtime()[56], JUMPDEST);
    let code = init_code([0; 20], &[]);
    assert_eq!(code[STORE_LENGTH + INITIALISE_LENGTH - 1], JUMPDEST);
}

#[test]
fn parts_stand_where_the_copies_expect_them() {
    let data = [7; 100];
    let code = init_code([3; 20], &data);
    assert_eq!(code[INIT_LENGTH..INIT_LENGTH + RUNTIME_LENGTH], runtime());
    assert_eq!(code[INIT_LENGTH + RUNTIME_LENGTH..], data);
}

#[test]
#[should_panic(expected = "too long")]
fn too_long_initialisation_is_refused() {
    init_code([0; 20], &alloc::vec![0; MAX_INIT_DATA + 1]);
}

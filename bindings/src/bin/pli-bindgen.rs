//! Writes the generated layer of a language: see `bindings/check`.

fn main() {
    uniffi::uniffi_bindgen_main();
}

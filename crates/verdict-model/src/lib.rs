//! The words: definitions, YAML with positions, table schemas.

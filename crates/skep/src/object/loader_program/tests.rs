use skep_codec::loader_program::attr;
use skep_sys::attr::{BtfLoad, Field, MapCreate, MapElem, Plain, ProgLoad};

/// Where the field of this path is.
fn offset(fields: &[Field], path: &str) -> u32 {
    let field = fields.iter().find(|field| field.path == path);
    field.unwrap_or_else(|| panic!("{path}")).offset as u32
}

macro_rules! agree {
    ($ty:ty, $command:ident: $($name:ident $path:literal,)+) => {
        $(assert_eq!(attr::$command::$name, offset(<$ty>::FIELDS, $path), $path);)+
    };
}

#[test]
fn attributes_are_where_they_are_for_calls_of_this_process() {
    agree!(MapCreate, map_create:
        MAP_TYPE "map_type", KEY_SIZE "key_size", VALUE_SIZE "value_size", MAX_ENTRIES "max_entries",
        MAP_FLAGS "map_flags", INNER_MAP_FD "inner_map_fd", NUMA_NODE "numa_node",
        MAP_NAME "map_name", MAP_IFINDEX "map_ifindex", BTF_FD "btf_fd",
        BTF_KEY_TYPE_ID "btf_key_type_id", BTF_VALUE_TYPE_ID "btf_value_type_id",
        MAP_EXTRA "map_extra",
    );
    agree!(MapElem, map_elem: MAP_FD "map_fd", KEY "key", VALUE "value",);
    agree!(BtfLoad, btf_load: BTF "btf", BTF_SIZE "btf_size",);
    agree!(ProgLoad, prog_load:
        PROG_TYPE "prog_type", INSN_CNT "insn_cnt", INSNS "insns", LICENSE "license",
        LOG_LEVEL "log_level", LOG_SIZE "log_size", LOG_BUF "log_buf",
        KERN_VERSION "kern_version", PROG_FLAGS "prog_flags", PROG_NAME "prog_name",
        PROG_IFINDEX "prog_ifindex", EXPECTED_ATTACH_TYPE "expected_attach_type",
        PROG_BTF_FD "prog_btf_fd", FUNC_INFO_REC_SIZE "func_info_rec_size",
        FUNC_INFO "func_info", FUNC_INFO_CNT "func_info_cnt",
        LINE_INFO_REC_SIZE "line_info_rec_size", LINE_INFO "line_info",
        LINE_INFO_CNT "line_info_cnt", ATTACH_BTF_ID "attach_btf_id",
        ATTACH_PROG_FD "attach_prog_fd", CORE_RELO_CNT "core_relo_cnt", FD_ARRAY "fd_array",
        CORE_RELOS "core_relos", CORE_RELO_REC_SIZE "core_relo_rec_size",
    );
}

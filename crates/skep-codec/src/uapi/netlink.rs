//! `linux/netlink.h`, `rtnetlink.h`, `if_link.h`, `lwtunnel.h`, `seg6_local.h`, `pkt_sched.h`,
//! `pkt_cls.h`, `genetlink.h` and `netdev.h`, as far as programs attach by them.

macro_rules! constants {
    ($($ty:ty { $($name:ident = $value:expr;)+ })+) => {$($(
        #[doc = concat!("`", stringify!($name), "`.")]
        pub const $name: $ty = $value;
    )+)+};
}

constants! {
    // Sockets.
    i32 {
        NETLINK_ROUTE = 0;
        NETLINK_GENERIC = 16;
        SOL_NETLINK = 270;
        NETLINK_CAP_ACK = 10;
        NETLINK_EXT_ACK = 11;
        NETLINK_GET_STRICT_CHK = 12;
        SO_NETNS_COOKIE = 71;
        CLONE_NEWNET = 0x4000_0000;
    }
    // Headers: types, flags, attributes.
    u16 {
        NLMSG_NOOP = 1;
        NLMSG_ERROR = 2;
        NLMSG_DONE = 3;
        NLMSG_OVERRUN = 4;
        NLM_F_REQUEST = 1;
        NLM_F_MULTI = 2;
        NLM_F_ACK = 4;
        NLM_F_ECHO = 8;
        NLM_F_DUMP_INTR = 0x10;
        NLM_F_REPLACE = 0x100;
        NLM_F_EXCL = 0x200;
        NLM_F_CREATE = 0x400;
        NLM_F_DUMP = 0x300;
        NLM_F_CAPPED = 0x100;
        NLM_F_ACK_TLVS = 0x200;
        NLA_F_NESTED = 0x8000;
        NLA_F_NET_BYTEORDER = 0x4000;
        NLMSGERR_ATTR_MSG = 1;
        NLMSGERR_ATTR_OFFS = 2;
        NLMSGERR_ATTR_MISS_TYPE = 5;
    }
    // Interfaces.
    u16 {
        RTM_NEWLINK = 16;
        RTM_GETLINK = 18;
        RTM_SETLINK = 19;
        IFLA_ADDRESS = 1;
        IFLA_IFNAME = 3;
        IFLA_MTU = 4;
        IFLA_MASTER = 10;
        IFLA_LINKINFO = 18;
        IFLA_EXT_MASK = 29;
        IFLA_NUM_TX_QUEUES = 31;
        IFLA_NUM_RX_QUEUES = 32;
        IFLA_XDP = 43;
        IFLA_PROP_LIST = 52;
        IFLA_ALT_IFNAME = 53;
        IFLA_INFO_KIND = 1;
        IFLA_XDP_FD = 1;
        IFLA_XDP_ATTACHED = 2;
        IFLA_XDP_FLAGS = 3;
        IFLA_XDP_PROG_ID = 4;
        IFLA_XDP_DRV_PROG_ID = 5;
        IFLA_XDP_SKB_PROG_ID = 6;
        IFLA_XDP_HW_PROG_ID = 7;
        IFLA_XDP_EXPECTED_FD = 8;
    }
    u32 {
        IFF_UP = 1;
        RTEXT_FILTER_SKIP_STATS = 8;
        XDP_FLAGS_UPDATE_IF_NOEXIST = 1;
        XDP_FLAGS_SKB_MODE = 1 << 1;
        XDP_FLAGS_DRV_MODE = 1 << 2;
        XDP_FLAGS_HW_MODE = 1 << 3;
        XDP_FLAGS_REPLACE = 1 << 4;
    }
    // Routes, and the programs that are run on them.
    u16 {
        RTM_NEWROUTE = 24;
        RTM_DELROUTE = 25;
        RTM_GETROUTE = 26;
        RTA_DST = 1;
        RTA_OIF = 4;
        RTA_GATEWAY = 5;
        RTA_PRIORITY = 6;
        RTA_TABLE = 15;
        RTA_VIA = 18;
        RTA_ENCAP_TYPE = 21;
        RTA_ENCAP = 22;
        LWTUNNEL_ENCAP_BPF = 6;
        LWTUNNEL_ENCAP_SEG6_LOCAL = 7;
        LWT_BPF_PROG_FD = 1;
        LWT_BPF_PROG_NAME = 2;
        LWT_BPF_IN = 1;
        LWT_BPF_OUT = 2;
        LWT_BPF_XMIT = 3;
        LWT_BPF_XMIT_HEADROOM = 4;
        SEG6_LOCAL_ACTION = 1;
        SEG6_LOCAL_BPF = 8;
        SEG6_LOCAL_BPF_PROG = 1;
        SEG6_LOCAL_BPF_PROG_NAME = 2;
    }
    u32 {
        RT_TABLE_MAIN = 254;
        RT_TABLE_LOCAL = 255;
        IP6_RT_PRIO_USER = 1024;
        SEG6_LOCAL_ACTION_END_BPF = 15;
    }
    u8 {
        AF_INET = 2;
        AF_INET6 = 10;
        RTN_UNICAST = 1;
        RTN_LOCAL = 2;
        RTPROT_STATIC = 4;
        RT_SCOPE_UNIVERSE = 0;
        RT_SCOPE_LINK = 253;
        RT_SCOPE_HOST = 254;
    }
    // Traffic control.
    u16 {
        RTM_NEWQDISC = 36;
        RTM_DELQDISC = 37;
        RTM_GETQDISC = 38;
        RTM_NEWTFILTER = 44;
        RTM_DELTFILTER = 45;
        RTM_GETTFILTER = 46;
        RTM_NEWACTION = 48;
        RTM_DELACTION = 49;
        RTM_GETACTION = 50;
        TCA_KIND = 1;
        TCA_OPTIONS = 2;
        TCA_CHAIN = 11;
        TCA_ACT_TAB = 1;
        TCA_ACT_KIND = 1;
        TCA_ACT_OPTIONS = 2;
        TCA_ACT_INDEX = 3;
        TCA_ACT_BPF_PARMS = 2;
        TCA_ACT_BPF_FD = 5;
        TCA_ACT_BPF_NAME = 6;
        TCA_ACT_BPF_TAG = 8;
        TCA_ACT_BPF_ID = 9;
        TCA_BPF_ACT = 1;
        TCA_BPF_OPS_LEN = 4;
        TCA_BPF_OPS = 5;
        TCA_BPF_CLASSID = 3;
        TCA_BPF_FD = 6;
        TCA_BPF_NAME = 7;
        TCA_BPF_FLAGS = 8;
        TCA_BPF_FLAGS_GEN = 9;
        TCA_BPF_TAG = 10;
        TCA_BPF_ID = 11;
        ETH_P_ALL = 3;
    }
    u32 {
        TC_H_ROOT = 0xffff_ffff;
        TC_H_INGRESS = 0xffff_fff1;
        TC_H_MIN_INGRESS = 0xffff_fff2;
        TC_H_MIN_EGRESS = 0xffff_fff3;
        TCA_BPF_FLAG_ACT_DIRECT = 1;
        TCA_CLS_FLAGS_SKIP_HW = 1;
        TCA_CLS_FLAGS_SKIP_SW = 2;
        TCA_CLS_FLAGS_IN_HW = 4;
    }
    i32 {
        TC_ACT_UNSPEC = -1;
    }
    // Generic netlink, and its family `netdev`.
    u16 {
        GENL_ID_CTRL = 16;
        CTRL_ATTR_FAMILY_ID = 1;
        CTRL_ATTR_FAMILY_NAME = 2;
        NETDEV_A_DEV_IFINDEX = 1;
        NETDEV_A_DEV_XDP_FEATURES = 3;
        NETDEV_A_DEV_XDP_ZC_MAX_SEGS = 4;
        NETDEV_A_DEV_XDP_RX_METADATA_FEATURES = 5;
        NETDEV_A_DEV_XSK_FEATURES = 6;
    }
    u8 {
        CTRL_CMD_GETFAMILY = 3;
        NETDEV_CMD_DEV_GET = 1;
    }
}

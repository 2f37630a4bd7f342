/* test_databases_hosts.c - where the server may connect to on a client's behalf, row by row. */
#include "rows.h"

#include "databases/hosts.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct row {
    const char *name, *list, *host, *addr;
    bool allowed;
};

/* clang-format off */
static const struct row table[] = {
    {"no list: any host", "", "db", "192.0.2.1", true},
    {"no list: loopback, too", "", "localhost", "127.0.0.1", true},
    {"no list: not the metadata address", "", "x", "169.254.169.254", false},
    {"no list: not in IPv6's form either", "", "x", "::ffff:169.254.169.254", false},
    {"no list: not IPv6's link-local", "", "x", "fe80::1", false},
    {"no list: not a cloud's IPv6 metadata", "", "x", "fd00:ec2::254", false},
    {"no list: nobody's address is nowhere", "", "x", "0.0.0.0", false},
    {"no list: nor in IPv6", "", "x", "::", false},
    {"no list: no multicast", "", "x", "224.0.0.1", false},
    {"no list: no broadcast", "", "x", "255.255.255.255", false},
    {"a star is no list", "*", "db", "192.0.2.1", true},
    {"a star does not open the metadata address", "*", "x", "169.254.169.254", false},
    {"its network does", "*,169.254.0.0/16", "x", "169.254.169.254", true},
    {"a name", "db.example.com", "db.example.com", "192.0.2.1", true},
    {"a name in any case, with its dot", "db.example.com", "DB.Example.COM.", "192.0.2.1", true},
    {"another name", "db.example.com", "xdb.example.com", "192.0.2.1", false},
    {"a name that now leads to metadata", "db.example.com", "db.example.com", "169.254.169.254", false},
    {"a suffix", "*.example.com", "a.b.example.com", "192.0.2.1", true},
    {"a suffix is not the name itself", "*.example.com", "example.com", "192.0.2.1", false},
    {"a suffix begins at a dot", "*.example.com", "badexample.com", "192.0.2.1", false},
    {"a network, by any name", "10.0.0.0/8", "db", "10.255.0.1", true},
    {"outside of the network", "10.0.0.0/8", "db", "11.0.0.1", false},
    {"a name that leads out of the network", "10.0.0.0/8", "10.0.0.1", "192.0.2.1", false},
    {"bits that are no whole byte", "172.16.0.0/12", "x", "172.31.255.255", true},
    {"one bit further", "172.16.0.0/12", "x", "172.32.0.0", false},
    {"an address alone", "192.0.2.7", "x", "192.0.2.7", true},
    {"its neighbour", "192.0.2.7", "x", "192.0.2.6", false},
    {"a network in IPv6's form", "10.0.0.0/8", "x", "::ffff:10.1.1.1", true},
    {"IPv6", "2001:db8::/32", "x", "2001:db8:1::1", true},
    {"IPv6 outside", "2001:db8::/32", "x", "2001:db9::1", false},
    {"one of several", "a.example, 10.0.0.0/8,b.example", "b.example", "192.0.2.1", true},
    {"everything of IPv4", "0.0.0.0/0", "x", "8.8.8.8", true},
    {"everything of IPv4 is not IPv6", "0.0.0.0/0", "x", "2001:db8::1", false},
}; /* clang-format on */

static void test_row(void **state)
{
    const struct row *row = *state;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct mr_hosts *h = NULL;
    const void *addr = &v4;

    assert_int_equal(mr_hosts_new(&h, row->list), MR_OK);
    if (inet_pton(AF_INET, row->addr, &v4.sin_addr) != 1) {
        assert_int_equal(inet_pton(AF_INET6, row->addr, &v6.sin6_addr), 1);
        addr = &v6;
    }
    assert_int_equal(mr_hosts_allow(h, row->host, addr), row->allowed);
    mr_hosts_free(h);
}

static void test_bad_lists(void **state)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/8x", "a b*",
                                      "*x",          "2001:::/32", "a/8",         "2001:db8::/129",
                                      "ok,*.",       "http://a"};
    struct mr_hosts *h = NULL;

    (void)state;
    for (size_t i = 0; i < LEN(bad); i++)
        assert_int_equal(mr_hosts_new(&h, bad[i]), MR_E_CONFIG);
}

int main(void)
{
    static struct rows r;

    rows_add(&r, table, test_row);
    rows_add_one(&r, "what is no list is refused", test_bad_lists);
    return rows_run("allowed hosts", &r);
}

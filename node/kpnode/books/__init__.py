"""kpnode.books: the node's second process, which keeps the books and answers what people ask.

The process that takes part in consensus starts it, watches it, and starts it again when it ends
(:mod:`kpnode.books.supervisor`). Both hold one end of a pair of sockets, the *feed*: committed
blocks go one way (:mod:`kpnode.books.follower`), the height of the books comes back. Questions
reach it as HTTP over a Unix socket (:mod:`kpnode.books.server`). It takes no part in consensus and
holds no key; it may end at any moment, and deleting what it keeps is always safe.
"""

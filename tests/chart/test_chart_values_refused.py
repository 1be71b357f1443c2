"""Values that cannot work are refused before anything is installed, in words that say what to change."""

import re

import pytest
from chart import BOARD, SANDBOX, ChartRefused, Values, render

NOTHING = Values("nothing")
REFUSED = [
    (NOTHING, "telegram: set apiId and apiHash"),
    (BOARD.plus("mongodb.mode=mysql"), "'mongo', 'ferretdb', 'external'"),
    (BOARD.plus("redis.mode=cluster"), "'internal', 'external'"),
    (BOARD.plus("mongodb.mode=external"), "set mongodb.uri, or stores.existingSecret"),
    (BOARD.plus("redis.mode=external"), "set redis.url, or stores.existingSecret"),
    (BOARD.plus("stores.existingSecret=mine"), "set mongodb.mode and redis.mode to external as well"),
    (BOARD.plus("replicas=3"), "additional properties 'replicas' not allowed"),
    (BOARD.plus("operator.replicas=2"), "additional properties 'replicas' not allowed"),
    (BOARD.plus("images.nginx=nginx:1"), "additional properties 'nginx' not allowed"),
    (BOARD.plus("images.worker=worker"), "/images/worker"),
    (BOARD.plus("publicUrl=films.example"), "/publicUrl"),
    (BOARD.plus("logLevel=chatty"), "'DEBUG', 'INFO', 'WARNING', 'ERROR'"),
    (BOARD.plus("edge.cache.maxSize=10Gi"), "/edge/cache/maxSize"),
    (BOARD.plus("edge.cache.size=200g"), "/edge/cache/size"),
    (BOARD.plus("edge.linkKeys=short:abc"), "/edge/linkKeys"),
    (BOARD.plus("edge.service.nodePort=80"), "/edge/service/nodePort"),
    (BOARD.plus("edge.tiers.guest.rate=4MB"), "/edge/tiers/guest/rate"),
    (BOARD.plus("workers.resources.limits.memory=lots"), "/workers/resources/limits/memory"),
    (BOARD.plus("workers.pools.default.minActive=70"), "workers.pools.default: minActive 70 is more than maxActive 64"),
    (BOARD.plus("workers.pools.default.jitterPercent=101"), "/workers/pools/default/jitterPercent"),
    (BOARD.plus("workers.streaming.window=17"), "/workers/streaming/window"),
    (BOARD.plus("workers.streaming.mediaSessions=0"), "/workers/streaming/mediaSessions"),
    (BOARD.plus("workers.streaming.readAhead=often"), "/workers/streaming/readAhead"),
    (BOARD.plus("workers.streaming.hedged=true"), "additional properties 'hedged' not allowed"),
    (BOARD.plus("workers.env.lower=x"), "invalid propertyName 'lower'"),
    (BOARD.plus("takedown.status=404"), "/takedown/status"),
    (BOARD.plus("takedown.blockedBy=the court"), "/takedown/blockedBy"),
    (BOARD.plus("telegram.dcMap=1:host:1"), "/telegram/dcMap"),
    (BOARD.plus("telegram.dcMap=1=host:4431"), "set dcMap and rsaPublicKey together"),
    (BOARD.plus("sandbox.enabled=true"), "--set-file sandbox.rsaPrivateKey=KEY.pem"),
    (SANDBOX.plus("telegram.dcMap=1=host:4431"), "telegram.dcMap: leave it empty with sandbox.enabled"),
    (BOARD.plus("manager.adminChannelId=100"), "/manager/adminChannelId"),
    (BOARD.plus("manager.botToken=hello"), "/manager/botToken"),
    (BOARD.plus("manager.botToken="), "manager: set botToken (from @BotFather)"),
    (BOARD.plus("ingress.enabled=true"), "set ingress.host"),
]


@pytest.mark.parametrize(("values", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_bad_values_are_refused(values: Values, says: str) -> None:
    with pytest.raises(ChartRefused, match=re.escape(says)):
        render(values)

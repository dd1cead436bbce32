package main

var selfOps = map[string]operation{}

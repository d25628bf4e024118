package samples

import java.io.File
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import pli.Client
import pli.Content
import pli.Conversation
import pli.FileKeyStore
import pli.PliException
import pli.TimelineItem

/** A chat in the terminal: `chat FOLDER GROUP [LINK]`, with a link the first time. */
fun main(arguments: Array<String>): Unit = runBlocking {
    val (folder, group) = arguments
    start(File(folder), arguments.getOrNull(2)).use { client ->
        println("waiting for $group")
        val listed = client.conversations.first { list -> list.any { it.name == group } }
        val conversation = client.conversation(listed.first { it.name == group }.id)
        val showing = launch { show(conversation) }
        while (true) {
            val line = withContext(Dispatchers.IO) { readlnOrNull() } ?: break
            try {
                conversation.settled(conversation.send(line))   // on disk at once; here we wait until it is in the group
            } catch (error: PliException) {
                println("! ${error.advice()}")
            }
        }
        showing.cancel()
    }
}

/** Opens the device in a folder, or makes one. */
suspend fun start(folder: File, link: String?): Client {
    val keys = FileKeyStore("$folder.key")                      // on a phone: the hardware's
    return try {
        Client.open(folder, keys)
    } catch (none: PliException.NotEnrolled) {
        Client.join(folder, keys, link ?: throw none)
    }
}

/** Prints each message once. The stream gives the whole window after each change. */
suspend fun show(conversation: Conversation) {
    val shown = HashSet<Any>()
    conversation.timeline().items.collect { items ->
        for (item in items) {
            val content = (item as? TimelineItem.Said)?.message?.content as? Content.Text ?: continue
            if (shown.add(item.message.id)) println("${item.message.sender.name}: ${content.body}")
        }
    }
}

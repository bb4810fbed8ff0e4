"""The seed's two classes as the seed writes them. Edits: the device is the inputs' own; the encoders come in as
arguments, made from configurations, instead of pretrained ones by name; the sizes (text width, image channels,
grid positions, classes) are arguments; what is not a model is left out."""
import torch
import torch.nn as nn


class FusionModel(nn.Module):
    def __init__(self, text_encoder, image_encoder, num_labels, num_ftrs, text_width):
        super(FusionModel, self).__init__()
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder
        self.classifier = nn.Linear(num_ftrs + text_width, num_labels)

    def forward(self, images, input_ids, attention_mask):
        image_features = self.image_encoder(images)
        text_features = self.text_encoder(input_ids=input_ids, attention_mask=attention_mask).pooler_output
        combined_features = torch.cat((image_features, text_features), 1)
        logits = self.classifier(combined_features)
        return logits


class MultimodalTransformer(nn.Module):
    def __init__(self, transformer, resnet, num_labels, width, channels, positions):
        super(MultimodalTransformer, self).__init__()
        self.num_labels = num_labels
        self.transformer = transformer
        self.word_modality_embeddings = nn.Parameter(torch.zeros(width))
        self.image_encoder = nn.Sequential(*(list(resnet.children())[:-2]))
        self.image_dim_augmentation = nn.Linear(channels, width)
        self.image_positional_embeddings = nn.Embedding(positions, width)
        self.image_modality_embeddings = nn.Parameter(torch.ones(width))
        self.classifier = nn.Linear(width, self.num_labels)
        for param in self.image_encoder.parameters():
            param.requires_grad = False

    def forward(self, input_ids, attention_mask, image, labels=None):
        device = input_ids.device
        word_position_ids = torch.arange(input_ids.size(1), device=device).unsqueeze(0).expand_as(input_ids)
        word_embeddings = self.transformer.embeddings.word_embeddings(input_ids)
        word_position_embeddings = self.transformer.embeddings.position_embeddings(word_position_ids)
        word_modality_embedding = self.word_modality_embeddings
        text_embedding = word_embeddings + word_position_embeddings + word_modality_embedding
        image_embedding = self.image_encoder(image)
        channels = image_embedding.size(1)
        image_embedding = image_embedding.view(image_embedding.size(0), channels, -1)
        image_embedding = image_embedding.permute(0, 2, 1)
        positions = image_embedding.size(1)
        image_embedding = self.image_dim_augmentation(image_embedding)
        image_position_ids = torch.arange(positions, device=device).expand(image_embedding.size(0), -1)
        image_positional_embeddings = self.image_positional_embeddings(image_position_ids)
        image_modality_embeddings = self.image_modality_embeddings
        image_embedding += image_positional_embeddings + image_modality_embeddings
        combined_embedding = torch.cat((image_embedding, text_embedding), dim=1)
        image_attention = torch.ones([attention_mask.size(0), image_embedding.size(1)], device=device)
        combined_attention_mask = torch.cat([image_attention, attention_mask], dim=1)
        encoder_outputs = self.transformer(inputs_embeds=combined_embedding,
                                           attention_mask=combined_attention_mask, return_dict=True)
        sequence_output = encoder_outputs.last_hidden_state
        pooled_output = sequence_output[:, 0, :]
        logits = self.classifier(pooled_output)
        if labels is not None:
            loss_fct = nn.CrossEntropyLoss()
            loss = loss_fct(logits, labels.view(-1))
            return {"loss": loss, "logits": logits}
        else:
            return {"logits": logits}
